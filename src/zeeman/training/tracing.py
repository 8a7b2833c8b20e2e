"""The gradients of a step as a list of array operations, written down once and then run without autograd and vmap.

A step of a small network costs its bookkeeping more than its arithmetic: every operation passes through vmap and is
recorded for the backward pass, the same way each time. Here the first step is traced into its array operations, forward
and backward, and later steps repeat these on new numbers. What a module computes must depend on its arguments, weights
and buffers only; attributes keep the values they had when it was traced.

Two things are tidied on the way: operations that return their argument as it is are left out, and a product with fewer
columns than rows is made as its transpose, since BLAS multiplies into few columns (latents) at a tenth of its speed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

import torch
from torch import Tensor
from torch.fx import GraphModule
from torch.fx.experimental.proxy_tensor import make_fx

__all__ = ["Program", "trace_gradients"]

Program: TypeAlias = Callable[..., list[Any]]  # the terms, a Tensor, and gradients, each a Tensor or None
_Terms: TypeAlias = Callable[[Any, Any, Tensor, Tensor], Tensor]
_aten = torch.ops.aten
_SAME_AT_SAME_SHAPE = (_aten.view.default, _aten._unsafe_view.default, _aten.expand.default, _aten.detach.default)


def trace_gradients(
    terms: _Terms, parameters: Mapping[str, Tensor], buffers: Mapping[str, Tensor], batch: Tensor, noise: Tensor
) -> Program:
    """Return the program (batch, noise, *parameters, *buffers) -> [terms, gradient of every parameter].

    Gradients are those of the sum over replicas of the first term. Buffers are changed in place, as `terms` does, when
    the program runs, not while it is traced.

    Parameters
    ----------
    terms : callable
        (parameters, buffers, batch, noise) -> (replica, term).
    parameters, buffers : mapping of name to Tensor, (replica, ...)
    batch, noise : Tensor, (replica, sample, ...)
        The program holds for these shapes.
    """

    def gradients(batch: Tensor, noise: Tensor, *state: Tensor) -> list[Any]:
        weights = dict(zip(parameters, state, strict=False))
        rest = dict(zip(buffers, state[len(parameters) :], strict=True))
        values = terms(weights, rest, batch, noise)
        found = torch.autograd.grad(values[:, 0].sum(), list(weights.values()), allow_unused=True)
        return [values, *(None if one is None else one.contiguous() for one in found)]

    kept = [buffer.clone() for buffer in buffers.values()]
    traced = make_fx(gradients, decomposition_table={_aten.bmm.default: _wide})(
        batch, noise, *parameters.values(), *kept
    )
    return torch.no_grad()(_without_idle(traced))


def _wide(a: Tensor, b: Tensor) -> Any:
    """Make a b as the transpose of b^T a^T where that has more columns."""
    return torch.bmm(b.mT, a.mT).mT if b.shape[-1] < a.shape[-2] else NotImplemented


def _without_idle(program: GraphModule) -> GraphModule:
    for node in list(program.graph.nodes):
        if node.target in _SAME_AT_SAME_SHAPE and _shape(node) == _shape(node.args[0]) is not None:
            node.replace_all_uses_with(node.args[0])
            program.graph.erase_node(node)
    program.recompile()
    return program


def _shape(node: Any) -> torch.Size | None:
    return node.meta["val"].shape if "val" in node.meta else None
