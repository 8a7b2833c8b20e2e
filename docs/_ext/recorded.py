"""Tables made from recorded results when the pages are built: ``<!-- recorded: truth -->`` stands for one.

``docs/results/NAME.json`` is what a command wrote, and the study that wrote it turns it into Markdown; no number of
these tables is typed.
"""

from __future__ import annotations

import importlib.util
import json
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from sphinx.application import Sphinx
from sphinx.util import logging

from zeeman.studies import speeds, truth
from zeeman.studies.critical import table as critical

LOGGER = logging.getLogger(__name__)
ROOT = Path(__file__).resolve().parents[2]
RESULTS = ROOT / "docs" / "results"


def _by_its_benchmark(name: str, part: str) -> Callable[[Mapping[str, Any]], str]:
    """What `table` of benchmarks/NAME.py makes of a part of its record."""

    def written(found: Mapping[str, Any]) -> str:
        spec = importlib.util.spec_from_file_location(f"benchmark_{name}", ROOT / "benchmarks" / f"{name}.py")
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        return module.table(found[part])

    return written


TABLES: dict[str, Callable[[Mapping[str, Any]], str]] = {
    "critical": critical.markdown,
    "critical_neighbours": critical.markdown,
    "critical_seed3": critical.markdown,
    "critical_seed4": critical.markdown,
    "models": speeds.markdown,
    "training": _by_its_benchmark("training", "mlp_steps"),
    "truth": truth.markdown,
}
_MARK = re.compile(r"<!-- recorded: (?P<name>\w+) -->")


def table(name: str) -> str:
    """The table of a recorded result; a warning, which fails the build, where there is none."""
    file = RESULTS / f"{name}.json"
    if name not in TABLES or not file.is_file():
        LOGGER.warning("recorded: %s: no %s, or no table for it; tables are %s", name, file.name, ", ".join(TABLES))
        return "Not run."
    return TABLES[name](json.loads(file.read_text(encoding="utf-8")))


def _fill(app: Sphinx, docname: str, source: list[str]) -> None:
    source[0] = _MARK.sub(lambda mark: table(mark["name"]), source[0])


def _outdated(app: Sphinx, *_: Any) -> list[str]:
    """Pages with such tables are read again in every build: what they show lies outside of them."""
    return [name for name in sorted(app.env.found_docs) if _MARK.search(app.env.doc2path(name).read_text())]


def setup(app: Sphinx) -> dict[str, bool]:
    """Fill the pages as they are read."""
    app.connect("source-read", _fill)
    app.connect("env-get-outdated", _outdated)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
