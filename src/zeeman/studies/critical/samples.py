"""Samples of one model at several temperatures, one record a size: what every estimate begins with."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, is_dataclass, replace
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from zeeman import spins
from zeeman.base.checks import check_finite, check_positive_integer
from zeeman.base.random import stream
from zeeman.spins.lattices import Lattice

__all__ = ["Samples", "read_samples"]

_BLOCKS = 64  # contiguous runs of samples at one temperature that are resampled whole
_FEWEST = 32  # samples at one temperature
_LATTICES = ("chain", "square", "triangular", "honeycomb", "cubic")


@dataclass(frozen=True, eq=False)
class Samples:
    """One size, ordered by temperature.

    Attributes
    ----------
    size : int
        L.
    model : Model or None
        The one given, or rebuilt from the attributes of the data; None if they do not say.
    lattice : Lattice or None
        The model's, or the one that the attributes name.
    temperatures : ndarray, (temperature,)
    configurations : ndarray, (sample, site axes...)
    energies : ndarray, (sample,)
        Of the whole system.
    starts : ndarray of int, (temperature + 1,)
        Samples of temperature k are starts[k] .. starts[k + 1] - 1.
    """

    size: int
    model: Any
    lattice: Lattice | None
    temperatures: NDArray[np.float64]
    configurations: NDArray
    energies: NDArray[np.float64]
    starts: NDArray[np.int64]

    @property
    def n_sites(self) -> int:
        """Sites of the system."""
        return int(np.prod(self.configurations.shape[1:])) if self.lattice is None else self.lattice.n_sites

    def at(self, k: int) -> slice:
        """Samples of temperature k."""
        return slice(int(self.starts[k]), int(self.starts[k + 1]))

    @property
    def which(self) -> NDArray[np.int64]:
        """Index of the temperature, (sample,)."""
        return np.repeat(np.arange(len(self.temperatures)), np.diff(self.starts))

    def block_means(self, columns: Sequence[NDArray[np.float64]]) -> NDArray[np.float64]:
        """Means of every column over the blocks of every temperature, (temperature, block, column)."""
        out = []
        for k in range(len(self.temperatures)):
            part = np.stack([column[self.at(k)] for column in columns], axis=1)
            n_blocks = min(_BLOCKS, len(part) // 8)
            length = len(part) // n_blocks
            blocks = part[: n_blocks * length].reshape(n_blocks, length, -1).mean(axis=1)
            out.append(blocks if n_blocks == _BLOCKS else blocks[np.arange(_BLOCKS) % n_blocks])
        return np.stack(out)

    def draws(self, n_bootstrap: int, seed: int) -> NDArray[np.float64]:
        """Shares of the blocks in every resample, (1 + bootstrap, temperature, block); row 0 is the samples as is.

        Temperatures and sizes are resampled apart: their samples are independent.
        """
        shares = []
        for k in range(len(self.temperatures)):
            n_blocks = min(_BLOCKS, (int(self.starts[k + 1] - self.starts[k])) // 8)
            rng = stream(seed, f"bootstrap/{self.size}", k)
            drawn = np.zeros((1 + n_bootstrap, _BLOCKS))
            drawn[0, :n_blocks] = 1 / n_blocks
            drawn[1:, :n_blocks] = rng.multinomial(n_blocks - 1, np.full(n_blocks, 1 / n_blocks), n_bootstrap)
            drawn[1:] /= n_blocks - 1  # of n blocks n - 1: the variance of a mean is then s^2 / n, without bias
            shares.append(drawn)
        return np.stack(shares, axis=1)


def read_samples(data: Any, model: Any = None) -> list[Samples]:
    """Records by size, ascending, from one data set, a sequence of them, or a mapping size -> data set.

    `model`, on a lattice of any size, stands for the one that the attributes name.

    Raises
    ------
    TypeError, ValueError
        What is not an xarray.Dataset with configuration and temperature; fewer than three temperatures or than 32
        samples at one; equal sizes; data of different models, or of another than the one given.
    """
    _check_given(model)
    keyed = isinstance(data, Mapping) and not isinstance(data, xr.Dataset)
    sets = list(data.values()) if keyed else [data] if isinstance(data, xr.Dataset) else data
    if isinstance(sets, Sequence) and not isinstance(sets, str) and not len(sets):
        raise ValueError("dataset is empty: give one xarray.Dataset a size, as zm.spins.sample returns")
    if not isinstance(sets, Sequence) or not all(isinstance(one, xr.Dataset) for one in sets):
        raise TypeError(
            f"dataset must be an xarray.Dataset as zm.spins.sample returns, or a sequence or mapping of them, one a "
            f"size; got {type(data).__name__}"
        )
    given = (
        [check_positive_integer(size, "a key of dataset, the size L,") for size in data] if keyed else [0] * len(sets)
    )
    read = sorted(
        (_read(one, model, f"data set {k}", size) for k, (one, size) in enumerate(zip(sets, given, strict=True))),
        key=lambda one: one.size,
    )
    sizes = [one.size for one in read]
    if len(set(sizes)) < len(sizes):
        raise ValueError(f"sizes must differ, got L = {', '.join(map(str, sizes))}; join samples of one size")
    kinds = {tuple(sorted(_identity(one).items())) for one in sets}
    if len(kinds) > 1:
        raise ValueError(f"all sizes must be of one model with the same couplings, got {' and '.join(map(str, kinds))}")
    return read


def _read(data: xr.Dataset, given: Any, here: str, key: int = 0) -> Samples:
    missing = [name for name in ("configuration", "temperature") if name not in data and name not in data.coords]
    if missing:
        raise ValueError(f"{here} has no {' and no '.join(missing)}; it needs what zm.spins.sample returns")
    temperature = np.asarray(data["temperature"], np.float64)
    if temperature.ndim != 1 or len(temperature) != data.sizes.get("sample", -1):
        raise ValueError(f"{here}: temperature must be a coordinate over sample, got shape {temperature.shape}")
    check_finite(temperature, f"temperature of {here}")
    if temperature.min() <= 0:
        raise ValueError(f"{here}: temperature must be positive, got {temperature.min():g}")
    order = np.argsort(temperature, kind="stable")
    distinct, counts = np.unique(temperature, return_counts=True)
    if len(distinct) < 3:
        raise ValueError(
            f"{here} holds {len(distinct)} temperature(s): three at least are needed to see where a signal crosses or "
            "peaks; sample some on both sides of the transition"
        )
    if counts.min() < _FEWEST:
        raise ValueError(
            f"{here} holds {counts.min()} samples at T = {distinct[counts.argmin()]:g}: {_FEWEST} at least are needed "
            "for an error"
        )
    configurations = np.asarray(data["configuration"])
    if (np.diff(order) != 1).any():  # gigabytes are not copied where they are in order
        configurations = configurations[order]
    check_finite(configurations, f"configurations of {here}")
    model = _model(data) if given is None else _placed(given, data, here)
    lattice = _lattice(data) if model is None else model.lattice
    if lattice is not None and configurations.shape[1 : 1 + len(lattice.shape)] != lattice.shape:
        raise ValueError(
            f"{here}: configurations of shape {configurations.shape} are not (sample, sites of {lattice!r})"
        )
    energy = np.asarray(data["energy"], np.float64)[order] if "energy" in data else np.full(len(order), np.nan)
    size = _size(data, key, here)
    starts = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
    read = Samples(size, model, lattice, distinct, configurations, energy, starts)
    return replace(read, energies=energy * read.n_sites)


def _size(data: xr.Dataset, key: int, here: str) -> int:
    """L: what the data say, by attribute or shape, which a key must not contradict; of sites in one row, the key."""
    sites = data["configuration"].shape[1:]
    said = int(data.attrs.get("length") or sites[0])
    in_a_row = "length" not in data.attrs and len(sites) == 1 and key and said % key == 0
    if key and said != key and not in_a_row:
        raise ValueError(f"{here} is called L = {key}, and is of L = {said}: call it by its own size")
    return key or said


def _identity(data: xr.Dataset) -> dict[str, Any]:
    """What must be the same at every size: model, lattice and the numbers that define them."""
    model = _model(data)
    names = ["model", "lattice"] + ([f.name for f in fields(model) if f.name != "lattice"] if model is not None else [])
    return {name: data.attrs.get(name) for name in names}


def _check_given(model: Any) -> None:
    if model is not None and not (
        isinstance(getattr(model, "lattice", None), Lattice) and hasattr(model, "order_parameter")
    ):
        raise TypeError(
            "model must be a spin model on a lattice of any size, such as MyModel(zm.spins.square(8)), with a lattice "
            f"and an order_parameter; got {model!r}"
        )


def _placed(model: Any, data: xr.Dataset, here: str) -> Any:
    """The model given, on the lattice of one data set, whose attributes must not say otherwise."""
    length = data["configuration"].shape[1]
    if length != model.lattice.shape[0]:
        if not is_dataclass(type(model)):
            raise TypeError(
                f"{here} has L = {length}, and {type(model).__name__}, which is no dataclass, cannot be moved there "
                f"from {model.lattice!r}: make it one with a field `lattice`"
            )
        model = replace(model, lattice=getattr(spins, model.lattice.name)(length))
    numbers = {name: value for name, value in vars(model).items() if isinstance(value, (int, float))}
    for name, value in {"model": type(model).__name__, "lattice": model.lattice.name, **numbers}.items():
        if data.attrs.get(name, value) != value:
            raise ValueError(f"{here} says {name} = {data.attrs[name]!r}, and the model given has {value!r}")
    return model


def _lattice(data: xr.Dataset) -> Lattice | None:
    """The lattice that the attributes name, of a model that is none of this package."""
    name, length = str(data.attrs.get("lattice")), data.attrs.get("length")
    return getattr(spins, name)(int(length)) if name in _LATTICES and length is not None else None


def _model(data: xr.Dataset) -> Any:
    """The model that was sampled, from the attributes that `zm.spins.sample` writes; None if they name none."""
    try:
        return spins.model_of(data)
    except ValueError:
        return None
