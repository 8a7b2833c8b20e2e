"""The explorer's ES modules as they are served, or joined into one script for a page that is opened from a file.

A page opened from a file may not import its neighbours, so there the modules stand one after another, each after those
it imports, without their `import` lines and `export` words. Their top-level names are therefore unique.
"""

from __future__ import annotations

import re
from importlib import resources

__all__ = ["joined", "module", "style"]

_IMPORT = re.compile(r'^import .* from "\./([a-z]+)\.js";\n', re.MULTILINE)
_FOLDER = "static"


def module(name: str) -> str:
    """Text of one file in static, "plane.js" say."""
    return (resources.files("zeeman.report") / _FOLDER / name).read_text(encoding="utf-8")


def style() -> str:
    """The explorer's style sheet."""
    return module("explorer.css")


def joined(entry: str, *, keep: str | None = None) -> str:
    """One script of the module `entry` ("page") and all that it imports; only the name `keep` stays exported."""
    order: list[str] = []

    def visit(name: str) -> None:
        for imported in _IMPORT.findall(module(f"{name}.js")):
            visit(imported)
        if name not in order:
            order.append(name)

    visit(entry)
    bodies = [
        re.sub(r"^export (?!\{)", "", _IMPORT.sub("", module(f"{name}.js")), flags=re.MULTILINE) for name in order
    ]
    bodies = [re.sub(r"^export \{.*\};\n", "", body, flags=re.MULTILINE) for body in bodies]
    return "\n".join([*bodies, *([f"export default {{ {keep} }};\n"] if keep else [])])
