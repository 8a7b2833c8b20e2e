"""The command line's own --help, printed when the page is built; ``<!-- verbs -->`` stands for a section a verb."""

from __future__ import annotations

import os
import subprocess
import sys

from sphinx.application import Sphinx

from zeeman.cli.app import app as command_line

_WIDTH = "100"


def _help(*verb: str) -> str:
    words = ["zeeman", *verb, "--help"]
    environment = {**os.environ, "COLUMNS": _WIDTH, "NO_COLOR": "1", "TERM": "dumb"}
    done = subprocess.run(
        [sys.executable, "-m", *words], capture_output=True, text=True, env=environment, check=True, timeout=120
    )
    lines = [f"$ {' '.join(words)}", *(line.rstrip() for line in done.stdout.splitlines())]
    return "\n".join(["````none", *lines, "````", ""])


def _sections() -> str:
    verbs = [name for name in command_line if not name.startswith("-")]
    return "\n".join([_help(), *(f"## {verb}\n\n{_help(verb)}" for verb in verbs)])


def _fill(app: Sphinx, docname: str, source: list[str]) -> None:
    if "<!-- verbs -->" in source[0]:
        source[0] = source[0].replace("<!-- verbs -->", _sections())


def setup(app: Sphinx) -> dict[str, bool]:
    """Fill the page as it is read."""
    app.connect("source-read", _fill)
    app.connect("env-get-outdated", lambda app, env, *_: [name for name in ("command_line",) if name in env.found_docs])
    return {"parallel_read_safe": True, "parallel_write_safe": True}
