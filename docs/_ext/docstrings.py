r"""Docstrings as they stand in the code, made safe for reStructuredText.

They are written for readers of the code: |z|^2, psi*, energies_ and indented formulas mean themselves there. Outside
of `names` and code these marks are escaped, and an indented block after a paragraph is shown as it is written.
"""

from __future__ import annotations

import re
from typing import Any

from sphinx.application import Sphinx

_LITERAL = re.compile(
    r"(``.+?``|`[^`]+`(?:_(?!\w))?|:\w+:`[^`]+`"  # code, names, links, roles
    r"|\*\*[^*\s][^*]*\*\*|(?<![\w*])\*[^*\s][^*]*\*(?![\w*]))"  # bold, emphasis
)
_HEADING = re.compile(r"^(-{3,}|={3,})$")


def _escaped(line: str) -> str:
    """The line with marks that mean themselves escaped, code and emphasis left alone."""
    parts = _LITERAL.split(line)
    for i in range(0, len(parts), 2):
        plain = parts[i].replace("\\", "\\\\")
        plain = plain.replace("|", "\\|").replace("*", "\\*").replace("`", "\\`")
        parts[i] = re.sub(r"(\w)_(?!\w)", r"\1\\_", plain)
    for i in range(1, len(parts), 2):
        if parts[i].startswith("`."):  # an attribute of what is returned, not a name to look for
            parts[i] = f"`{parts[i]}`"
    return "".join(parts)


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip())


def _opens_formula(lines: list[str], i: int) -> bool:
    """Whether line i starts an indented block after a blank line and a paragraph at the margin."""
    if i < 2 or lines[i - 1].strip() or not _indent(lines[i]):
        return False
    before = next((line for line in reversed(lines[: i - 1]) if line.strip()), "")
    return bool(before) and _indent(before) == 0 and not _HEADING.match(before) and not before.endswith("::")


def readable(lines: list[str]) -> list[str]:
    """The docstring's lines as reStructuredText."""
    out: list[str] = []
    i = 0
    while i < len(lines):
        line = lines[i]
        if line.lstrip().startswith(">>>"):  # a doctest, up to the blank line
            while i < len(lines) and lines[i].strip():
                out.append(lines[i])
                i += 1
            continue
        if line.strip() and _opens_formula(lines, i):
            out += [".. code-block:: none", ""]
            while i < len(lines) and (not lines[i].strip() or _indent(lines[i])):
                out.append(lines[i])
                i += 1
            continue
        out.append(line if _HEADING.match(line.strip()) else _escaped(line))
        i += 1
    return out


def _value(value: Any) -> list[str]:
    """What a constant is: the keys of a table, the members of a sequence, or how it is written."""
    if isinstance(value, dict | list | tuple | set | frozenset):
        return [f"A {type(value).__name__} of " + ", ".join(f"``{item}``" for item in value) + ".", ""]
    return [f"``{value if isinstance(value, str) else repr(value)}``", ""]


_KEPT: dict[str, list[str]] = {}  # one-line docstrings, in which napoleon takes what stands before a colon for a type


def _before(app: Sphinx, what: str, name: str, obj: Any, options: Any, lines: list[str]) -> None:
    if what == "data":
        lines[:] = _value(obj)
    elif name.startswith("zeeman"):
        lines[:] = readable(lines)
    if what in ("data", "property", "attribute"):
        _KEPT[name] = list(lines)


def _after(app: Sphinx, what: str, name: str, obj: Any, options: Any, lines: list[str]) -> None:
    if name in _KEPT:
        lines[:] = _KEPT[name]


def setup(app: Sphinx) -> dict[str, bool]:
    """Stand before and after napoleon, which reads the sections."""
    app.connect("autodoc-process-docstring", _before, priority=100)
    app.connect("autodoc-process-docstring", _after, priority=900)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
