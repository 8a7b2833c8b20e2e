"""Whole jobs: from a data set to a run folder with a report."""

from __future__ import annotations

from typing import Any

from zeeman.studies.options import EmbeddingOptions, Options

__all__ = ["EmbeddingOptions", "Options", "analyze", "reproduce", "spectrum"]

# their modules load torch and matplotlib: not before it is needed
_HOME = {"analyze": "analysis", "reproduce": "papers", "spectrum": "embeddings"}


def __getattr__(name: str) -> Any:
    if name in _HOME:
        import importlib

        return getattr(importlib.import_module(f"zeeman.studies.{_HOME[name]}"), name)
    raise AttributeError(f"module 'zeeman.studies' has no attribute {name!r}")
