"""The gradients of a step as a list of array operations, written down once and then run without autograd and vmap.

A step of a small network costs its bookkeeping more than its arithmetic: every operation passes through vmap and is
recorded for the backward pass, the same way each time. Here the operations of one step, forward and backward, are
recorded as they reach the arrays, and later steps repeat them on new numbers. What a module computes must depend on its
arguments, weights and buffers only; a record is believed if it repeats a second step, of other numbers.

Four things are tidied on the way: a view of what there is a view of already, a product with 1 and a power of 1 are left
out; what is computed from constants alone is a constant; a product with fewer columns than rows is made as its
transpose, since BLAS multiplies into few columns (latents) at a tenth of its speed; and so is a product that would be
transposed and copied, as weights' gradients are.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterator, Mapping
from typing import Any, TypeAlias

import torch
from torch import Tensor, nn
from torch.fx import Graph, GraphModule, Node
from torch.utils._python_dispatch import TorchDispatchMode

__all__ = ["Program", "trace_gradients"]

# the terms, then a gradient for every parameter or None
Program: TypeAlias = Callable[..., Any]
_Terms: TypeAlias = Callable[[Any, Any, Tensor, Tensor], Tensor]
_aten = torch.ops.aten
_NEUTRAL_AT_ONE = frozenset((_aten.mul.Scalar, _aten.pow.Tensor_Scalar))
_TRANSPOSES = frozenset((_aten.transpose.int, _aten.mT.default))
_TOLERANCE = 1e-2  # of an array: rounding, to bfloat16 too, is below, another computation above ...
_NOTHING = 1e-5  # ... and of all arrays: below are gradients that vanish but for rounding


def trace_gradients(
    terms: _Terms, parameters: Mapping[str, Tensor], buffers: Mapping[str, Tensor], batch: Tensor, noise: Tensor
) -> Program | None:
    """Return the program (batch, noise, *parameters, *buffers) -> [terms, gradient of every parameter].

    Gradients are those of the sum over replicas of the first term. Buffers are changed in place, as `terms` does, when
    the program runs, not while it is traced. None if the program does not repeat what `terms` does.

    Parameters
    ----------
    terms : callable
        (parameters, buffers, batch, noise) -> (replica, term).
    parameters, buffers : mapping of name to Tensor, (replica, ...)
    batch, noise : Tensor, (replica, sample, ...)
        The program holds for these shapes.
    """
    ones = torch.ones(len(batch), device=batch.device)  # d sum / d term

    def gradients(batch: Tensor, noise: Tensor, *state: Tensor) -> list[Tensor | None]:
        weights = dict(zip(parameters, state, strict=False))
        rest = dict(zip(buffers, state[len(parameters) :], strict=True))
        values = terms(weights, rest, batch, noise)
        found = torch.autograd.grad(values[:, 0], list(weights.values()), ones, allow_unused=True)
        return [values.detach(), *(None if one is None else one.contiguous() for one in found)]

    def numbers(shift: int, scale: float) -> list[Tensor]:
        weights = [(scale * parameter.detach()).requires_grad_() for parameter in parameters.values()]
        return [batch.roll(shift, 1), noise.roll(2 * shift, 1), *weights, *(b.clone() for b in buffers.values())]

    program = torch.no_grad()(_record(gradients, numbers(0, 1.0)))
    one, other, n = numbers(1, 0.9), numbers(1, 0.9), 2 + len(parameters)
    expected, found = gradients(*one) + one[n:], program(*other) + other[n:]
    return program if _agree(expected, found) else None


def _record(function: Callable[..., list[Tensor | None]], arguments: list[Tensor]) -> GraphModule:
    recorder = _Recorder()
    for i, argument in enumerate(arguments):
        recorder.know(argument, recorder.graph.placeholder(f"argument_{i}"))
    with recorder:
        results = function(*arguments)
    recorder.graph.output(recorder.written(results))
    for line in reversed(recorder.graph.nodes):  # what was made otherwise in the end
        if line.op == "call_function" and not line.users and not _changes_arguments(line.target):
            recorder.graph.erase_node(line)
    return GraphModule(recorder.constants, recorder.graph)


class _Recorder(TorchDispatchMode):
    """Writes every array operation into a graph, under the names that its arguments have there."""

    def __init__(self) -> None:
        super().__init__()
        self.graph, self.constants = Graph(), nn.Module()
        self._names: dict[int, Node] = {}  # of what depends on the arguments, by id
        self._fixed: dict[int, Node] = {}  # of what does not
        self._views: dict[int, list[Tensor]] = {}  # by address
        self._products: dict[int, tuple[Tensor, Tensor, bool]] = {}  # factors, and whether their product is transposed
        self._alive: list[Tensor] = []  # so that no other tensor gets the same id

    def know(self, tensor: Tensor, name: Node) -> None:
        self._names[id(tensor)] = name
        self._alive.append(tensor)
        self._views.setdefault(tensor.data_ptr(), []).append(tensor)

    def written(self, value: Any) -> Any:
        """Return an argument with names in the place of tensors; a tensor from elsewhere is a constant."""
        if isinstance(value, (list, tuple)):
            return type(value)(self.written(one) for one in value)
        if not isinstance(value, Tensor):
            return value
        if id(value) in self._names:
            return self._names[id(value)]
        if id(value) not in self._fixed:
            label = f"constant_{len(self._fixed)}"
            self.constants.register_buffer(label, value)
            self._fixed[id(value)] = self.graph.get_attr(label)
            self._alive.append(value)
        return self._fixed[id(value)]

    def __torch_dispatch__(self, operation: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if operation is _aten.bmm.default and args[1].shape[-1] < args[0].shape[-2]:
            with self:
                return torch.bmm(args[1].mT, args[0].mT).mT
        if operation is _aten.clone.default and id(args[0]) in self._products:
            first, second, transposed = self._products[id(args[0])]
            if transposed and first.shape[-2] >= second.shape[-1]:
                with self:
                    return torch.bmm(second.mT, first.mT)
        if operation is _aten.select_backward.default and args[1][args[2]] == 1:  # all there is to select from
            with self:
                return args[0].unsqueeze(args[2])
        result = operation(*args, **(kwargs or {}))
        given = list(_tensors((args, kwargs or {})))
        fixed = bool(given) or operation is _aten._to_copy.default  # of a number
        if fixed and not any(id(one) in self._names for one in given) and not _changes_arguments(operation):
            return result
        same = self._same(operation, args, result)
        if same is not None:
            self.know(result, self.written(same))
            if id(same) in self._products:
                self._products[id(result)] = self._products[id(same)]
            return result
        names = {key: self.written(value) for key, value in (kwargs or {}).items()}
        line = self.graph.call_function(operation, self.written(args), names)
        if isinstance(result, Tensor):
            self.know(result, line)
            if operation is _aten.bmm.default:
                self._products[id(result)] = args[0], args[1], False
            elif operation in _TRANSPOSES and id(args[0]) in self._products and result.shape == args[0].mT.shape:
                first, second, transposed = self._products[id(args[0])]
                self._products[id(result)] = first, second, not transposed
        else:
            for i, one in enumerate(result or ()):
                if isinstance(one, Tensor):
                    self.know(one, self.graph.call_function(operator.getitem, (line, i)))
        return result

    def _same(self, operation: Any, args: Any, result: Any) -> Tensor | None:
        """Return a known tensor that is what the result is."""
        if not isinstance(result, Tensor) or _changes_arguments(operation):
            return None
        if operation in _NEUTRAL_AT_ONE and args[1] == 1 and result.dtype == args[0].dtype:
            return args[0]
        known = self._views.get(result.data_ptr(), [])
        return next((one for one in known if one.dtype == result.dtype and one.is_set_to(result)), None)


def _changes_arguments(operation: Any) -> bool:
    schema = getattr(operation, "_schema", None)
    return schema is not None and schema.is_mutable


def _tensors(value: Any) -> Iterator[Tensor]:
    """The tensors in nested arguments."""
    if isinstance(value, Tensor):
        yield value
    elif isinstance(value, (list, tuple, dict)):
        for one in value.values() if isinstance(value, dict) else value:
            yield from _tensors(one)


def _agree(expected: list[Tensor | None], found: list[Tensor | None]) -> bool:
    def largest(a: Tensor) -> float:
        return float(a.detach().abs().max()) if a.numel() else 0.0

    nothing = _NOTHING * max(largest(a) for a in expected if a is not None)
    return all(
        a is b if a is None or b is None else largest(a - b) <= _TOLERANCE * largest(a) + nothing
        for a, b in zip(expected, found, strict=True)
    )
