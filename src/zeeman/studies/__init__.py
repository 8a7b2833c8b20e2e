"""Whole jobs: from a data set to a run folder with a report."""

from __future__ import annotations

from typing import Any

from zeeman.studies.options import Options

__all__ = ["Options", "analyze"]


def __getattr__(name: str) -> Any:
    if name == "analyze":  # loads torch and matplotlib: not before it is needed
        import importlib

        return importlib.import_module("zeeman.studies.analysis").analyze
    raise AttributeError(f"module 'zeeman.studies' has no attribute {name!r}")
