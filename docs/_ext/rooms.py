"""The reference of a room, from its own ``__all__``: a table of its names, then each with its docstring.

``{room} zeeman.spins`` follows the code, so a new public name needs no new line in a page. With names in its body only
these are described.
"""

from __future__ import annotations

import importlib
import inspect
import re
from types import ModuleType
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

# Where a class's own methods end and those of other people's classes begin.
_FOREIGN = (
    "object, ABC, Protocol, Mapping, Generic, tuple, Module, Distribution, VonMises, Categorical, BaseEstimator, "
    "TransformerMixin, ClusterMixin, ClassNamePrefixFeaturesOutMixin"
)
_ROUTING = re.compile(r"set_\w+_request|get_metadata_routing|set_output")  # scikit-learn adds them to every estimator


class Room(SphinxDirective):
    """Names of a module in a table, and what autodoc says of each."""

    required_arguments = 1
    has_content = True

    def run(self) -> list[nodes.Node]:
        """The module's docstring, a summary, and its members."""
        module = importlib.import_module(self.arguments[0])
        names = [name for line in self.content for name in line.split()] or module.__all__
        names = [name for name in names if not isinstance(getattr(module, name), ModuleType)]
        lines = [f".. py:currentmodule:: {module.__name__}", ""]
        if not self.content:
            described = [f"   {name}" for name in names if _kind(module, name) != "data"]
            lines += [
                f".. automodule:: {module.__name__}",
                "   :no-members:",
                "",
                ".. autosummary::",
                "",
                *described,
                "",
            ]
        for name in names:
            lines += _member(module, name)
        return self.parse_text_to_nodes("\n".join(["```{eval-rst}", *lines, "```"]))


def _kind(module: ModuleType, name: str) -> str:
    """Which directive of autodoc describes it; names for other people's types are data."""
    value = getattr(module, name)
    if not (getattr(value, "__module__", None) or "").startswith("zeeman"):
        return "data"
    return "class" if inspect.isclass(value) else "function" if inspect.isroutine(value) else "data"


def _member(module: ModuleType, name: str) -> list[str]:
    kind = _kind(module, name)
    lines = [f".. auto{kind}:: {module.__name__}.{name}"]
    if kind == "class":
        lines += ["   :members:", f"   :inherited-members: {_FOREIGN}"]
    if kind == "data":
        lines.append("   :no-value:")
    return [*lines, ""]


def _skip(app: Sphinx, what: str, name: str, obj: Any, skip: bool, options: Any) -> bool | None:
    return True if _ROUTING.fullmatch(name) else None


def setup(app: Sphinx) -> dict[str, bool]:
    """Register ``room``."""
    app.add_directive("room", Room)
    app.connect("autodoc-skip-member", _skip)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
