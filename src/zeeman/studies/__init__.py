"""Whole jobs: from a data set to a run folder with a report; `sc` annotates cells (`zeeman.studies.single_cell`)."""

from __future__ import annotations

from typing import Any

from zeeman.studies.options import EmbeddingOptions, Options

__all__ = ["EmbeddingOptions", "Options", "analyze", "critical_temperature", "reproduce", "sc", "spectrum"]

# their modules load torch and matplotlib: not before it is needed
_HOME = {"analyze": "analysis", "critical_temperature": "critical", "reproduce": "papers", "spectrum": "embeddings"}


def __getattr__(name: str) -> Any:
    import importlib

    if name == "sc":
        return importlib.import_module("zeeman.studies.single_cell")
    if name in _HOME:
        return getattr(importlib.import_module(f"zeeman.studies.{_HOME[name]}"), name)
    raise AttributeError(f"module 'zeeman.studies' has no attribute {name!r}")
