"""The command line's own --help, run when the page is built: ``{help} analyze``."""

from __future__ import annotations

import os
import subprocess
import sys

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

_WIDTH = "100"


class Help(SphinxDirective):
    """What ``zeeman VERB --help`` prints."""

    optional_arguments = 1

    def run(self) -> list[nodes.Node]:
        """One literal block."""
        words = ["zeeman", *self.arguments, "--help"]
        environment = {**os.environ, "COLUMNS": _WIDTH, "NO_COLOR": "1", "TERM": "dumb"}
        done = subprocess.run(
            [sys.executable, "-m", *words], capture_output=True, text=True, env=environment, check=True, timeout=60
        )
        text = f"$ {' '.join(words)}\n" + "\n".join(line.rstrip() for line in done.stdout.splitlines())
        return [nodes.literal_block(text, text, language="none")]


def setup(app: Sphinx) -> dict[str, bool]:
    """Register ``help``."""
    app.add_directive("help", Help)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
