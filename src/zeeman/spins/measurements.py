"""Everything that fits a model, measured at every temperature of a data set, with errors: a table that prints 1.234(5).

print(zm.spins.measure(zm.spins.sample(model, temperatures)))
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr
from numpy.typing import NDArray

from zeeman.base.checks import check_sample_axis, did_you_mean
from zeeman.base.progress import Progress
from zeeman.spins import lattices, observables
from zeeman.spins.models import XY, BlumeCapel, Clock, Heisenberg, Ising, Model, Potts
from zeeman.spins.statistics import Estimate, mean, shorthand

__all__ = ["Measurements", "measure", "model_of"]

_COLUMNS = 6  # temperatures printed beside one another
_CHUNK = 4096  # samples whose order parameter is taken at once
_FEWEST = 3  # samples at a temperature that have errors
_MODELS = {kind.__name__: kind for kind in (XY, BlumeCapel, Clock, Heisenberg, Ising, Potts)}
_LATTICES = {name: getattr(lattices, name) for name in lattices.__all__ if name != "Lattice"}


class Measurements(xr.Dataset):
    """Values and errors over temperature: variables ``energy`` and ``energy_error``, and so for every observable.

    A `xarray.Dataset` whose `print` shows 1.234(5); `to_dataframe()` gives the numbers to pandas.
    """

    __slots__ = ()

    def __str__(self) -> str:
        names = [str(name) for name in self.data_vars if f"{name}_error" in self.data_vars]
        wide = self if "temperature" in self.dims else self.expand_dims("temperature")
        blocks = [str(self.attrs.get("title", "measurements"))]
        for first in range(0, wide.sizes["temperature"], _COLUMNS):
            part = wide.isel(temperature=slice(first, first + _COLUMNS))
            columns = {
                f"T = {t:g}": [shorthand(float(part[name][k]), float(part[f"{name}_error"][k])) for name in names]
                for k, t in enumerate(part.temperature.values)
            }
            blocks.append(pd.DataFrame(columns, index=names).to_string())
        return "\n\n".join(blocks)

    def estimate(self, name: str, temperature: float) -> Estimate:
        """Value and error of one observable at one of the temperatures; ValueError for those not in the table."""
        ts = np.atleast_1d(self.temperature.values)
        at = np.flatnonzero(np.isclose(ts, temperature, rtol=1e-9, atol=0))
        if f"{name}_error" not in self.data_vars or not len(at):
            names = [str(known) for known in self.data_vars if f"{known}_error" in self.data_vars]
            raise ValueError(
                f"{name!r} at T = {temperature} is not in the table, which has {', '.join(names)} at T = "
                f"{', '.join(f'{t:g}' for t in ts)}"
            )
        return Estimate(*(float(np.atleast_1d(self[column])[at[0]]) for column in (name, f"{name}_error")))


def measure(dataset: xr.Dataset, model: Model | None = None, *, progress: bool = False) -> Measurements:
    """Measure every observable that fits the model, at every temperature.

    All models: energy per site; specific_heat; order, the mean size |m| of `model.order_parameter`; susceptibility
    N <m^2> / T and susceptibility_connected N (<m^2> - <|m|>^2) / T; binder, 1 - n / (n + 2) <m^4> / <m^2>^2 for n
    components; correlation_length (second moment, at the wave vector of the order). Ising: magnetization, with J2 also
    stripe_order. Potts: potts_order. Blume-Capel: squared_spin, vacancy_density. Clock, XY: helicity_modulus,
    vortex_density. Heisenberg: helicity_modulus. Clock: anisotropy, cos(p phi); of two states none of these. See
    `zeeman.spins.observables`.

    Parameters
    ----------
    dataset : xarray.Dataset
        As `zeeman.spins.sample` returns it: configuration, energy, temperature (sample,).
    model : Model, optional
        By default the one that the data set's attrs name (`model_of`).
    progress : bool
        Show progress on standard error.

    Returns
    -------
    Measurements
        Over the coordinate temperature (ascending): a value and an error each, and n_samples. Errors are jackknife
        or autocorrelation-corrected standard errors of the samples at that temperature.

    Raises
    ------
    TypeError
        For configurations alone.
    ValueError
        For a data set without configurations, energies or temperatures, or with fewer than three samples at a
        temperature; without `model`, for one whose attrs name none of this package.

    Examples
    --------
    >>> from zeeman import spins
    >>> table = measure(spins.sample(spins.Ising(spins.square(4)), [2.0, 3.0], 400, seed=0))
    >>> energy = table.estimate("energy", 2.0)  # prints as -1.768(18)
    >>> abs(energy.value - -1.7554) < 5 * energy.error
    True
    """
    if not isinstance(dataset, xr.Dataset):
        raise TypeError(
            f"measure takes the data set that `zm.spins.sample` returns, with energies and temperatures, got "
            f"{type(dataset).__name__}; of configurations alone take single observables, as zm.spins.magnetization(x)"
        )
    model = model_of(dataset) if model is None else model
    for name in ("configuration", "energy", "temperature"):
        if name not in dataset:
            raise ValueError(f"the data set has no {name!r}: give one that `zm.spins.sample` made")
        check_sample_axis(dataset[name], name)
    at = np.asarray(dataset["temperature"], np.float64)
    temperatures, counts = np.unique(at, return_counts=True)
    _check_counts(temperatures, counts)
    rows = []
    with Progress(len(temperatures), f"measuring {type(model).__name__}", enabled=progress) as bar:
        for t in temperatures:
            part = np.flatnonzero(at == t)
            own = dataset.isel(sample=part)  # of data on disk, no more than this is read
            x, e = own["configuration"].values, own["energy"].values
            rows.append(dict(_measured(x, e, model, float(t))))
            bar.advance(detail=f"T = {t:.4g}")
    columns: dict[str, tuple[str, list[float]]] = {}
    for name in rows[0]:
        columns[name] = ("temperature", [row[name].value for row in rows])
        columns[f"{name}_error"] = ("temperature", [row[name].error for row in rows])
    columns["n_samples"] = ("temperature", counts.tolist())
    title = f"{type(model).__name__} on {model.lattice!r}"
    return Measurements(columns, coords={"temperature": temperatures}, attrs={"title": title, **dataset.attrs})


def model_of(dataset: xr.Dataset) -> Model:
    """Make the model anew that the attrs of a data set name: model, lattice, length and the model's parameters.

    Raises
    ------
    ValueError
        If they name none, or none of this package; TypeError or ValueError for parameters that the model refuses.
    """
    attrs = dataset.attrs
    missing = [name for name in ("model", "lattice", "length") if name not in attrs]
    if missing:
        raise ValueError(f"the data set's attrs do not say {', '.join(missing)}: give the model itself")
    for name, known in (("model", _MODELS), ("lattice", _LATTICES)):
        if str(attrs[name]) not in known:
            raise ValueError(
                f"{name} {attrs[name]!r} is none of this package{did_you_mean(attrs[name], tuple(known))}: give the "
                "model itself"
            )
    kind, make = _MODELS[str(attrs["model"])], _LATTICES[str(attrs["lattice"])]
    names = {field.name for field in dataclasses.fields(kind)} & attrs.keys() - {"lattice"}
    return kind(make(int(attrs["length"])), **{name: attrs[name] for name in names})


def _check_counts(temperatures: NDArray[np.float64], counts: NDArray[np.int64]) -> None:
    if len(counts) == 0:
        raise ValueError("the data set holds no samples: draw some with zm.spins.sample(model, temperatures)")
    if counts.min() < _FEWEST:
        few = int(counts.argmin())
        raise ValueError(
            f"the data set holds {counts[few]} samples at T = {temperatures[few]:g}: errors need at least {_FEWEST} at "
            "every temperature; draw more there, or leave that temperature out"
        )


def _measured(
    x: NDArray, energy: NDArray[np.float64], model: Any, temperature: float
) -> Iterator[tuple[str, Estimate]]:
    n_sites = model.lattice.n_sites
    yield "energy", mean(energy)
    yield "specific_heat", observables.specific_heat(energy, temperature, n_sites)
    m = np.concatenate([model.order_parameter(part) for part in np.array_split(x, -(-len(x) // _CHUNK))])
    yield "order", mean(np.linalg.norm(m, axis=1))
    yield "susceptibility", observables.susceptibility(m, temperature, n_sites)
    yield "susceptibility_connected", observables.susceptibility(m, temperature, n_sites, connected=True)
    yield "binder", observables.binder(m)
    yield "correlation_length", observables.correlation_length(*observables.peak_structure(x, model), model.lattice)
    for name, series in _particular(x, model, temperature):
        yield name, mean(series)


def _particular(x: NDArray, model: Any, temperature: float) -> Iterator[tuple[str, NDArray[np.float64]]]:
    """Observables that some models have and others have not, (sample,) each."""
    lattice = model.lattice.name
    if isinstance(model, (Ising, BlumeCapel)):
        yield "magnetization", observables.magnetization(x)
    if isinstance(model, Ising) and model.second_coupling and lattice != "honeycomb":
        yield "stripe_order", observables.stripe_order(x, model.lattice)
    if isinstance(model, Potts):
        yield "potts_order", observables.potts_order(x, model.n_states)
    if isinstance(model, BlumeCapel):
        yield "squared_spin", observables.squared_spin(x)
        yield "vacancy_density", observables.vacancy_density(x)
    on_an_axis = isinstance(model, Clock) and model.n_states == 2  # Ising spins, which do not turn
    if isinstance(model, (XY, Clock, Heisenberg)) and not on_an_axis:
        yield "helicity_modulus", observables.helicity_modulus(x, model, temperature)
    if isinstance(model, (XY, Clock)) and not on_an_axis and lattice != "chain":
        yield "vortex_density", observables.vortex_density(x, model)
    if isinstance(model, Clock) and not on_an_axis:
        yield "anisotropy", observables.anisotropy(observables.clock_vector(x, model.n_states), model.n_states)
