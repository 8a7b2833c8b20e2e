"""Torch layers as plain records: a kind, sizes, and float32 arrays, each acting on flat row-major data.

The page's `static/decoder.js` holds one function for each kind named here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

__all__ = ["BlockLinear", "describe", "leaves_of"]

Described = tuple[dict[str, Any], dict[str, NDArray], tuple[int, ...]]
_BLOCKS: tuple[tuple[int, int | None, Any], ...] = ((0, 16, np.float32), (16, 64, np.int16), (64, None, np.int8))


class BlockLinear(nn.Linear):
    """A linear map whose columns are sorted by importance and stored with ever fewer bits, one scale a column."""

    @torch.no_grad()
    def round_columns(self) -> BlockLinear:
        """Round the weight to what `blocks` stores, so that errors can be measured here."""
        self.weight.copy_(torch.from_numpy(np.concatenate([v * s for v, s in self.blocks()], axis=1)))
        return self

    @staticmethod
    def bytes_per_row(columns: int) -> int:
        """Return how many bytes `blocks` takes for each output."""
        return sum(
            max(0, min(columns, stop or columns) - start) * np.dtype(dtype).itemsize for start, stop, dtype in _BLOCKS
        )

    def blocks(self) -> list[tuple[NDArray, NDArray[np.float32]]]:
        """Return (integers or floats (out, columns), scale (columns,)) of each block of columns."""
        weight, found = _array(self.weight), []
        for start, stop, dtype in _BLOCKS:
            block = weight[:, start:stop]
            if block.shape[1] == 0:
                continue
            if dtype is np.float32:
                found.append((block, np.ones(block.shape[1], np.float32)))
                continue
            scale = np.abs(block).max(axis=0) / np.iinfo(dtype).max
            scale = np.where(scale > 0, scale, 1.0).astype(np.float32)
            found.append((np.rint(block / scale).astype(dtype), scale))
        return found


def leaves_of(module: nn.Module) -> Iterator[nn.Module]:
    """Yield the layers of nested containers in the order of their registration."""
    children = list(module.children())
    if not children:
        yield module
    for child in children:
        yield from leaves_of(child)


def describe(layer: nn.Module, shape: tuple[int, ...]) -> Described:
    """Return (record, arrays, shape after it) of one layer acting on a datum of `shape`."""
    for kinds, record in _RECORDS.items():
        if isinstance(layer, kinds):
            return record(layer, shape)
    raise TypeError(
        f"the page cannot run a layer {layer!r}; it knows {', '.join(k.__name__ for ks in _RECORDS for k in ks)}. "
        "With two latent dimensions the decoder is tabulated over its plane instead; with more, `zeeman explore RUN` "
        "runs it whole"
    )


def _linear(layer: Any, shape: tuple[int, ...]) -> Described:
    arrays = {} if layer.bias is None else {"bias": _array(layer.bias)}
    if isinstance(layer, BlockLinear):
        for i, (values, scale) in enumerate(layer.blocks()):
            arrays |= {f"block {i}": values, f"scale {i}": scale}
    else:
        arrays["weight"] = _array(layer.weight)
    record = {"kind": "linear", "inputs": layer.in_features, "outputs": layer.out_features}
    return record, arrays, (*shape[:-1], layer.out_features)


def _batch_norm(layer: Any, shape: tuple[int, ...]) -> Described:
    if layer.running_mean is None:
        raise TypeError("the page cannot run batch normalisation without running statistics")
    mean, variance = layer.running_mean.double(), layer.running_var.double()
    scale = (variance + layer.eps).rsqrt() * (layer.weight.double() if layer.weight is not None else 1.0)
    shift = (layer.bias.double() if layer.bias is not None else 0.0) - mean * scale
    return {"kind": "affine", "channels": shape[0]}, {"scale": _array(scale), "shift": _array(shift)}, shape


def _conv_transpose(layer: Any, shape: tuple[int, ...]) -> Described:
    if layer.groups != 1 or tuple(layer.dilation) != (1, 1) or len(shape) != 3:
        raise TypeError(
            f"the page runs transposed convolutions without groups or dilation on (channel, x, y): {layer!r}"
        )
    after = [
        (size - 1) * stride - 2 * padding + kernel + extra
        for size, stride, padding, kernel, extra in zip(
            shape[1:], layer.stride, layer.padding, layer.kernel_size, layer.output_padding, strict=True
        )
    ]
    record = {
        "kind": "conv_transpose2d", "inputs": layer.in_channels, "outputs": layer.out_channels,
        "kernel": list(layer.kernel_size), "stride": list(layer.stride), "padding": list(layer.padding),
        "size": list(shape[1:]), "result": after,
    }  # fmt: skip
    arrays = {"weight": _array(layer.weight)} | ({} if layer.bias is None else {"bias": _array(layer.bias)})
    return record, arrays, (layer.out_channels, *after)


def _pad(layer: Any, shape: tuple[int, ...]) -> Described:
    left, right, top, bottom = layer.padding
    after = (shape[0], shape[1] + top + bottom, shape[2] + left + right)
    return {"kind": "pad", "size": list(shape), "before": [top, left], "result": list(after[1:])}, {}, after


def _reshape(layer: Any, shape: tuple[int, ...]) -> Described:
    with torch.no_grad():
        after = tuple(layer(torch.zeros(1, *shape)).shape[1:])
    return {"kind": "nothing"}, {}, after


def _pointwise(kind: str, *attributes: str) -> Callable[[Any, tuple[int, ...]], Described]:
    def record(layer: Any, shape: tuple[int, ...]) -> Described:
        return {"kind": kind, **{name: float(getattr(layer, name)) for name in attributes}}, {}, shape

    return record


def _array(values: torch.Tensor) -> NDArray[np.float32]:
    return np.ascontiguousarray(values.detach().cpu().numpy(), dtype=np.float32)


_RECORDS: dict[tuple[type[nn.Module], ...], Callable[[Any, tuple[int, ...]], Described]] = {
    (nn.Linear,): _linear,
    (nn.BatchNorm1d, nn.BatchNorm2d): _batch_norm,
    (nn.ConvTranspose2d,): _conv_transpose,
    (nn.ZeroPad2d,): _pad,
    (nn.Flatten, nn.Unflatten, nn.Identity, nn.Dropout): _reshape,
    (nn.ReLU,): _pointwise("relu"),
    (nn.LeakyReLU,): _pointwise("leaky_relu", "negative_slope"),
    (nn.Tanh,): _pointwise("tanh"),
    (nn.Sigmoid,): _pointwise("sigmoid"),
}
