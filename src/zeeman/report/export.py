"""A trained decoder as plain arrays that a page can run.

A small network goes in whole (a middling one with 16 bits of mantissa, where its means still agree to 5e-6). In a large
one every wide linear layer y = W h + b is replaced by its best rank-r
approximation over the latent space, y = M (P h) + b': M the r leading left singular vectors of W C^(1/2), C the
covariance of the hidden state h(z) over the latent points where accuracy is wanted, P = M^T W. Few latent variables
drive h, so few of its directions matter. A network with unknown layers is tabulated over its latent plane. What either
approximation costs is measured and written on the page.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from zeeman.base.checks import check_choice, check_positive_integer
from zeeman.base.random import stream
from zeeman.report.layers import BlockLinear, describe, leaves_of

__all__ = ["OUTPUTS", "Absent", "PageDecoder", "export_decoder"]

OUTPUTS = ("identity", "sigmoid", "softmax", "expectation")
_RANK, _WIDE = 256, 500_000
_BYTES = 1_600_000  # of one reduced layer: a page with several trainings stays under 10 MB
_REACH = 4.0  # prior standard deviations within which an approximation is made and its error measured
_GRID = 97
_MIDDLING = 50_000  # weights above which fewer bits are tried
_TOLERANCE = 5e-6  # of a mean, for fewer bits; what is promised is 1e-5


@dataclass(frozen=True)
class PageDecoder:
    """What the page's `decode(z)` runs.

    Attributes
    ----------
    spec : mapping
        "latent", "shape" of the output (channel, site...) and "layers", records of `zeeman.report.layers`, which write
        the fields.
    reading : mapping
        How physics.js turns fields into means: "output", "tempered", "shape".
    arrays : mapping name -> ndarray
    error : float
        Largest |mean in the page - mean in torch| found on random points; 0 where only rounding is left.
    note : str
        One sentence for the reader: what runs, and how exact it is.
    storage : {"float32", "float24"}
        How the page stores weights.
    """

    spec: Mapping[str, Any]
    reading: Mapping[str, Any]
    arrays: Mapping[str, NDArray]
    error: float
    note: str
    storage: str = "float32"

    @property
    def text_bytes(self) -> float:
        """What it takes of a page, as base64."""
        return sum(a.nbytes for a in self.arrays.values()) * (1.0 if self.storage == "float24" else 4 / 3)


@dataclass(frozen=True)
class Absent:
    """A decoder that is not on the page: why, and how its output is read where a server runs it."""

    note: str
    reading: Mapping[str, Any] | None = None


@torch.no_grad()
def export_decoder(
    decoder: nn.Module,
    *,
    latent_dim: int,
    output: str = "identity",
    tempered: bool = False,
    low: int = 0,
    max_weights: int = 2_000_000,
) -> PageDecoder:
    """Export `decoder`, (batch, latent) to (batch, channel, site...) or (batch, site), so that a page can run it.

    Parameters
    ----------
    decoder : Module
        Copied, never changed; batch normalisation uses its running statistics.
    latent_dim : int
    output : {"identity", "sigmoid", "softmax", "expectation"}
        What turns the output into means. "softmax" and "expectation" (sum_s (low + s) p_s) run over the channels.
    tempered : bool
        The last channel is a branch t and the others h: the output means sigmoid(t) h.
    low : int
        Value of the first state of an "expectation".
    max_weights : int
        Networks up to this size go in whole, in single precision.

    Raises
    ------
    TypeError
        Naming the first layer the page does not know, if the latent space is not a plane.
    """
    check_choice(output, OUTPUTS, "output")
    check_positive_integer(latent_dim, "latent_dim")
    decoder = copy.deepcopy(decoder).eval().float().cpu()
    leaves = list(leaves_of(decoder))
    count = sum(p.numel() for p in decoder.parameters())
    storage = "float32"
    try:
        _check_chain(decoder, leaves, latent_dim)
        kept, error, note = leaves, 0.0, f"The decoder runs in this page whole: {count:,} weights in single precision."
        if _MIDDLING < count <= max_weights:
            short = nn.Sequential(*_shortened(leaves))
            off = _error(decoder, short, latent_dim, output, tempered)
            if off <= _TOLERANCE:
                kept, storage = list(short), "float24"
                note = (
                    f"The decoder runs in this page whole: {count:,} weights of three bytes, means exact to {off:.1g}."
                )
        if count > max_weights:
            kept = _factored(leaves, latent_dim)
            error = _error(decoder, nn.Sequential(*kept), latent_dim, output, tempered)
            note = _reduced(count, kept, latent_dim, error)
        layers, arrays, shape = _records(kept, latent_dim)
    except TypeError:
        if latent_dim != 2:
            raise
        layers, arrays, shape, table = _tabulated(decoder)
        error = _error(decoder, table, latent_dim, output, tempered)
        note = (
            f"The decoder's output was computed on a grid of {_GRID} × {_GRID} points over |z₁|, |z₂| ≤ {_REACH:g} and "
            f"is interpolated here; the largest error of a mean found at 512 random points is {error:.1g}."
        )
    spec = {"latent": latent_dim, "layers": layers, "shape": list(shape)}
    reading = {"output": output, "tempered": tempered, "shape": list(shape), **({"low": low} if low else {})}
    return PageDecoder(spec, reading, arrays, error, note, storage)


def _reduced(count: int, kept: list[nn.Module], latent_dim: int, error: float) -> str:
    where = f"within |z₁|, |z₂| ≤ {_REACH:g}" if latent_dim == 2 else "drawn from N(0, 1.5²)"
    return (
        f"The decoder ({count:,} weights) runs in this page with its widest layers reduced to a rank of "
        f"{_ranks(kept)}: the largest error of a mean found at 512 random points {where} is {error:.1g}."
    )


def _check_chain(decoder: nn.Module, leaves: list[nn.Module], latent_dim: int) -> None:
    """Raise TypeError unless `decoder` is its leaves in a row: a module may add, skip or branch in its forward."""
    z = _points(latent_dim, 32, "chain")
    try:
        same = torch.allclose(decoder(z), nn.Sequential(*leaves)(z), rtol=1e-4, atol=1e-5)
    except RuntimeError:
        same = False
    if not same:
        raise TypeError(f"the forward pass of {type(decoder).__name__} is more than its layers one after another")


def _records(kept: list[nn.Module], latent_dim: int) -> tuple[list[dict[str, Any]], dict[str, NDArray], tuple]:
    layers: list[dict[str, Any]] = []
    arrays: dict[str, NDArray] = {}
    shape: tuple[int, ...] = (latent_dim,)
    for layer in kept:
        record, values, shape = describe(layer, shape)
        if record["kind"] == "nothing":
            continue
        names = {key: f"layer {len(layers)} {key}" for key in values}
        layers.append({**record, "arrays": names})
        arrays.update({names[key]: value for key, value in values.items()})
    return layers, arrays, shape


def _shortened(leaves: list[nn.Module]) -> list[nn.Module]:
    """Layers with their weights rounded to what three bytes hold: sign, exponent, 16 bits of mantissa."""
    kept = copy.deepcopy(leaves)
    for layer in kept:
        if isinstance(layer, (nn.Linear, nn.ConvTranspose2d)):
            bits = layer.weight.numpy().view(np.uint32).astype(np.uint64)
            rounded = np.minimum((bits + 0x80) & ~np.uint64(0xFF), 0xFFFFFF00).astype(np.uint32)
            layer.weight.copy_(torch.from_numpy(rounded.view(np.float32)))
    return kept


def _factored(leaves: list[nn.Module], latent_dim: int) -> list[nn.Module]:
    kept: list[nn.Module] = []
    for place, layer in enumerate(leaves):
        if isinstance(layer, nn.Linear) and layer.weight.numel() > _WIDE and min(layer.weight.shape) > _RANK:
            hidden = nn.Sequential(*leaves[:place])(_points(latent_dim, 8192, "covariance"))
            kept.extend(_low_rank(layer, hidden.double()))
        else:
            kept.append(layer)
    return kept


def _ranks(kept: list[nn.Module]) -> str:
    return ", ".join(str(layer.in_features) for layer in kept if isinstance(layer, BlockLinear))


def _low_rank(layer: nn.Linear, hidden: torch.Tensor) -> tuple[nn.Linear, BlockLinear]:
    """Return h -> P h and u -> M u + b', the best pair of rank r for the covariance of `hidden` (batch, in)."""
    rank = max(r for r in range(1, _RANK + 1) if BlockLinear.bytes_per_row(r) * layer.out_features <= _BYTES or r == 1)
    weight, mean = layer.weight.double(), hidden.mean(dim=0)
    variances, axes = torch.linalg.eigh(torch.cov(hidden.T))
    root = axes * variances.clamp(min=0).sqrt()
    # left singular vectors of W C^(1/2), from its small side: the right ones first
    _, right = torch.linalg.eigh(root.T @ (weight.T @ weight) @ root)
    leading = torch.linalg.qr(weight @ (root @ right[:, -rank:].flip(1))).Q
    inner = nn.Linear(layer.in_features, rank, bias=False)
    outer = BlockLinear(rank, layer.out_features)
    inner.weight.copy_(leading.T @ weight)
    outer.weight.copy_(leading)
    outer.round_columns()
    bias = layer.bias.double() if layer.bias is not None else torch.zeros(layer.out_features, dtype=torch.float64)
    outer.bias.copy_(bias + weight @ mean - outer.weight.double() @ (inner.weight.double() @ mean))
    return inner, outer


class _Table(nn.Module):
    """Fields of a decoder on a square grid, in their leading modes, bicubic (Catmull-Rom) in between."""

    def __init__(self, decoder: nn.Module, n_modes: int = 128) -> None:
        super().__init__()
        axis = torch.linspace(-_REACH, _REACH, _GRID)
        grid = torch.stack(torch.meshgrid(axis, axis, indexing="xy"), dim=-1).reshape(-1, 2)
        values = torch.cat([decoder(part) for part in grid.split(256)])
        self.shape, values = tuple(values.shape[1:]), values.flatten(1).double()
        self.centre = values.mean(dim=0)
        _, _, modes = torch.linalg.svd(values - self.centre, full_matrices=False)
        self.modes = modes[:n_modes]
        self.amounts = ((values - self.centre) @ self.modes.T).reshape(_GRID, _GRID, -1)

    def forward(self, z: torch.Tensor) -> torch.Tensor:
        place = ((z.double() + _REACH) / (2 * _REACH) * (_GRID - 1)).clamp(0, _GRID - 1)
        cell = place.floor().clamp(max=_GRID - 2).long()
        weights = _catmull_rom(place - cell)
        amount: Any = 0.0
        for a in range(4):
            for b in range(4):
                row, column = ((cell[:, k] + o - 1).clamp(0, _GRID - 1) for k, o in ((1, a), (0, b)))
                amount = amount + (weights[a][:, 1] * weights[b][:, 0])[:, None] * self.amounts[row, column]
        return (self.centre + amount @ self.modes).float().reshape(-1, *self.shape)


def _catmull_rom(f: torch.Tensor) -> list[torch.Tensor]:
    return [
        f * (-0.5 + f * (1 - 0.5 * f)),
        1 + f * f * (1.5 * f - 2.5),
        f * (0.5 + f * (2 - 1.5 * f)),
        f * f * (0.5 * f - 0.5),
    ]


def _tabulated(decoder: nn.Module) -> tuple[list[dict[str, Any]], dict[str, NDArray], tuple, _Table]:
    table = _Table(decoder)
    values = {"amounts": table.amounts, "modes": table.modes, "centre": table.centre}
    arrays = {f"table {key}": np.ascontiguousarray(value.numpy(), dtype=np.float32) for key, value in values.items()}
    record = {
        "kind": "table", "grid": _GRID, "reach": _REACH, "count": len(table.modes), "sites": len(table.centre),
        "arrays": {key: f"table {key}" for key in values},
    }  # fmt: skip
    return [record], arrays, table.shape, table


def _error(exact: nn.Module, page: nn.Module, latent_dim: int, output: str, tempered: bool) -> float:
    z = _points(latent_dim, 512, "test")
    means = [_means(chain(z), output, tempered) for chain in (exact, page)]
    return float((means[0] - means[1]).abs().max())


def _means(fields: torch.Tensor, output: str, tempered: bool) -> torch.Tensor:
    if tempered:
        fields = fields[:, :-1] * fields[:, -1:].sigmoid()
    if output == "sigmoid":
        return fields.sigmoid()
    if output == "identity":
        return fields
    shares = fields.softmax(dim=1)
    return shares if output == "softmax" else torch.einsum("bc...,c->b...", shares, torch.arange(shares.shape[1]) * 1.0)


def _points(latent_dim: int, count: int, name: str) -> torch.Tensor:
    """Draw points where the page should be right: all of the plane |z| <= 4, or N(0, 1.5^2) in other dimensions."""
    rng = stream(0, f"report {name}")
    if latent_dim == 2:
        return torch.from_numpy(rng.uniform(-_REACH, _REACH, (count, 2)).astype(np.float32))
    return torch.from_numpy(1.5 * rng.standard_normal((count, latent_dim), dtype=np.float32))
