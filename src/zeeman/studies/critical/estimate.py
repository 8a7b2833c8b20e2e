"""`zm.critical_temperature`: samples at several temperatures and sizes in, T_c with an honest error out."""

from __future__ import annotations

import math
import warnings
from collections.abc import Sequence
from dataclasses import replace
from itertools import combinations
from numbers import Real
from typing import Any

import numpy as np
from numpy.typing import NDArray

from zeeman.base.checks import check_choice, check_positive_integer
from zeeman.base.progress import Progress
from zeeman.base.random import entropy_of
from zeeman.base.types import Seed
from zeeman.spins.exact import NoTransition, transitions
from zeeman.spins.models import Model
from zeeman.spins.transitions import CriticalTemperature, Scaling
from zeeman.studies.critical.laws import alternates, has_bkt_transition, law_of
from zeeman.studies.critical.measure import Measured, measure
from zeeman.studies.critical.orders import (
    Order,
    codes_of,
    is_uniform,
    latent_template,
    model_order,
    principal_components,
)
from zeeman.studies.critical.samples import Samples, read_samples
from zeeman.studies.critical.scaling import Law, Limit, Points, bkt_limit, crossing_limit, peak_limit
from zeeman.studies.critical.signals import CROSSING, SIGNALS

__all__ = ["NAMES", "critical_temperature"]

NAMES = ("latent", "pca", "order", "binder", "susceptibility", "helicity")
Array = NDArray[np.float64]
_BAD = 2.0  # chi^2 a degree of freedom that is worth a note ...
_HOPELESS = 100.0  # ... and that no enlarged error mends
_NOTHING = 0.5  # relative error of T_c that is no measurement
_LEAST_NU = 0.1  # below it L^(1/nu) leaves the range of numbers
_FROZEN = 1e-9  # error, in parts of the signal, below which a point does not fluctuate
_ALL_ALONG = 3.0  # z score beyond which two curves differ
# standard deviation of Student's t (68 %) in place of a Gaussian's, by the number of trainings
_STUDENT = {2: 1.84, 3: 1.32, 4: 1.20, 5: 1.14, 6: 1.11}


def critical_temperature(
    dataset: Any,
    estimator: Any = "latent",
    *,
    signal: str = "auto",
    model: Model | None = None,
    nu: float | str | None = None,
    omega: float | None = None,
    n_bootstrap: int = 200,
    seed: Seed = 0,
    progress: bool = False,
) -> CriticalTemperature:
    """Find the critical temperature of the infinite lattice from samples of finite ones.

    An order parameter z is taken from `estimator` at every size; a signal of it that crosses, peaks or jumps at the
    transition is located, and the limit of large L taken by finite-size scaling (`zeeman.studies.critical.scaling`).

    Parameters
    ----------
    dataset : xarray.Dataset, or a sequence or mapping of them, one a size
        As `zm.spins.sample` returns: configuration, temperature and, for peaks, energy. Three temperatures at least on
        both sides of the transition, best within about L^(-1/nu) of it. One size gives a pseudo-critical temperature,
        which is no critical one: the result says so and a RuntimeWarning too.
    estimator : str or BetaVAE
        ``"latent"``: a beta-VAE with a translation-invariant encoder, trained three times at the smallest size, its
        code read at all. A `zm.BetaVAE`: that one; not fitted, it is fitted at every size; fitted ones are given one a
        size. ``"pca"``, principal components; ``"order"``, the model's own order parameter; ``"binder"``,
        ``"susceptibility"``, ``"helicity"`` are the latter with their signal.
    signal : {"auto", "length", "cumulant", "gap", "susceptibility", "reconstruction", "helicity"}
        What is located; "auto" is the correlation length where the code has a place in space ("latent", "order"),
        otherwise the cumulant, and of one size the susceptibility.
    model : Model, optional
        A model of your own, on a lattice of any size, where the data name none of this package.
    nu : float, "fit" or None
        Exponent of t L^(1/nu); None: that of the model's universality class if the data name one, otherwise fitted.
    omega : float, optional
        Exponent of the leading correction, by default that of the class, or 1.
    n_bootstrap : int
        Resamples of blocks of samples.
    seed : int, generator or None
        Of trainings and resamples.
    progress : bool

    Returns
    -------
    CriticalTemperature
        Prints as 2.2692(11); `.value`, `.error`, `.to_frame()`, `.pseudocritical`, `.scaling`, and the three parts of
        the error: samples, retrainings, choice of the fit.

    Raises
    ------
    TypeError, ValueError
        For data, names or sizes that cannot be used, a model that has no transition at T > 0 (`zeeman.spins.exact`), a
        range of temperatures without a crossing or with the peak at its end; before anything is trained where that can
        be known.

    Warns
    -----
    RuntimeWarning
        Of one size, and where a model without a transition is measured all the same, as a control, because nu is given.

    Examples
    --------
    >>> from zeeman import spins
    >>> data = [spins.sample(spins.Ising(spins.square(L)), [2.1, 2.2, 2.3, 2.4], 2000, seed=L) for L in (4, 8)]
    >>> found = critical_temperature(data, "binder")
    >>> abs(found.value - 2.269) < 0.1
    True
    """
    n_bootstrap = check_positive_integer(n_bootstrap, "n_bootstrap", 20)
    sizes, entropy = read_samples(dataset, model), entropy_of(seed)
    name, signal = _resolved(estimator, signal, sizes)
    known = _known(sizes[-1].model, nu)
    law = _law(sizes, signal, nu, omega)
    if (name == "latent" or is_uniform(estimator)) and alternates(sizes[-1].model):
        raise ValueError(
            "'latent' reads a mean over all sites, and the order of this model alternates from site to site: use "
            "'order', 'pca' or an unfitted zm.BetaVAE, which is fitted at every size"
        )
    if len(sizes) == 1 and (signal in CROSSING or signal == "helicity"):
        raise ValueError(
            f"signal {signal!r} is compared between sizes and one was given (L = {sizes[0].size}): sample a second "
            "size, or take signal='susceptibility' for its pseudo-critical temperature"
        )
    if signal not in CROSSING and signal != "helicity":
        _check_energies(sizes, signal)
    orders = _orders(estimator if name == "BetaVAE" else name, signal, sizes, entropy, progress)
    measured = measure(sizes, orders, signal, n_bootstrap, entropy)
    if len(sizes) == 1:
        return _pseudocritical(name, signal, sizes[0], measured, known)
    measured = replace(measured, points=[_fluctuating(points) for points in measured.points])
    for points in measured.points:
        _check_range(points, signal, law)
    return _result(name, signal, sizes, measured, law, known)


def _resolved(estimator: Any, signal: str, sizes: Sequence[Samples]) -> tuple[str, str]:
    check_choice(signal, ("auto", *SIGNALS), "signal")
    if not isinstance(estimator, str):
        name = "BetaVAE"
    else:
        check_choice(estimator, NAMES, "estimator")
        name = "order" if estimator in ("binder", "susceptibility", "helicity") else estimator
        implied = {"binder": "cumulant", "susceptibility": "susceptibility", "helicity": "helicity"}.get(estimator)
        if implied is not None and signal not in ("auto", implied):
            raise ValueError(f"estimator {estimator!r} means signal={implied!r}, got signal={signal!r}; use 'order'")
        signal = implied or signal
    uniform = estimator == "latent" or is_uniform(estimator)
    in_space = hasattr(sizes[0].model, "waves") if name == "order" else uniform and sizes[0].lattice is not None
    if signal == "auto":
        signal = "susceptibility" if len(sizes) == 1 else "length" if in_space else "cumulant"
    if signal == "length" and not in_space:
        raise ValueError(
            "signal 'length' needs the code's amplitude in space, which principal components, networks with dense "
            "layers and data of no named lattice have not: use 'latent' or 'order', or signal='cumulant'"
        )
    if signal == "helicity" and name != "order":
        raise ValueError("signal 'helicity' is one of the spins, not of a code: use estimator='helicity'")
    if signal == "reconstruction" and name in ("order", "pca"):
        raise ValueError(f"signal 'reconstruction' needs a decoder, which {name!r} has not: use 'latent' or a BetaVAE")
    return name, signal


def _law(sizes: Sequence[Samples], signal: str, nu: Any, omega: Any) -> Law:
    law = law_of(sizes[-1].model, signal)
    for name, given in (("nu", nu), ("omega", omega)):
        if given is None:
            continue
        number = isinstance(given, Real) and not isinstance(given, bool)
        if given == "fit" and name == "nu":
            law = replace(law, nu=None, bkt=None)
        elif number and name == "nu" and 0 < given < _LEAST_NU:
            raise ValueError(
                f"nu must be at least {_LEAST_NU} (a transition of first order has 1 / dim), got {given!r}"
            )
        elif number and math.isfinite(given) and given > 0:
            law = replace(law, **{name: float(given)}, bkt=law.bkt if name == "omega" else None)
        else:
            raise ValueError(f"{name} must be a positive number{', fit' * (name == 'nu')} or None, got {given!r}")
    model = sizes[-1].model
    if signal == "helicity" and law.bkt is None:
        raise ValueError(
            "signal 'helicity' is read by the law of a Berezinskii-Kosterlitz-Thouless transition, of XY and of clocks "
            "with five states or more in the plane, without nu; use estimator='binder' or 'order'"
        )
    if signal in CROSSING and has_bkt_transition(model) and law.bkt is None and nu is None:
        raise ValueError(
            f"the {signal} at a BKT transition is known on the torus of the square lattice, not on that of the "
            f"{model.lattice.name} one; use estimator='helicity', or give nu"
        )
    if signal not in CROSSING and signal != "helicity" and law.nu is None and len(sizes) == 2:
        raise ValueError("two sizes and an unknown nu: the peak's limit is not determined; give nu, or a third size")
    return law


def _known(model: Any, nu: Any) -> tuple[str, ...]:
    """What theory says where it names no temperature; ValueError where it says there is none, unless nu is given."""
    if model is None:
        return ()
    try:
        transitions(model)
    except NoTransition as reason:
        if nu is None:
            raise ValueError(
                f"{reason}: there is no critical temperature to be found; to see what an estimator makes of it, as a "
                "control, give nu, a number or 'fit'"
            ) from None
        note = f"a control, not a critical temperature: {reason}"
        warnings.warn(note, RuntimeWarning, stacklevel=3)
        return (note,)
    except ValueError as unknown:
        return (f"nothing to hold it against: {unknown}",)
    return ()


def _check_energies(sizes: Sequence[Samples], signal: str) -> None:
    """Refuse data without energies before anything is trained, where peaks are looked for."""
    for one in sizes:
        if not np.isfinite(one.energies).all():
            raise ValueError(
                f"signal {signal!r} is followed between temperatures by reweighting, and the data of L = {one.size} "
                "have no energies, or some that are not finite: add `energy`, per site, as zm.spins.sample returns it"
            )


def _orders(estimator: Any, signal: str, sizes: list[Samples], seed: int, progress: bool) -> list[Order]:
    if signal == "helicity":
        return [Order(np.zeros((1, 0, 0)))] * len(sizes)
    if estimator == "order":
        return model_order(sizes, signal == "length")
    if estimator == "pca":
        return principal_components(sizes, seed)
    vae = latent_template(sizes[0], seed) if isinstance(estimator, str) else estimator
    with Progress(1, "training", enabled=progress) as bar:
        orders = codes_of(vae, sizes, seed, signal == "reconstruction")
        bar.advance()
    return orders


def _limit(points: Points, law: Law, signal: str) -> Limit:
    if law.bkt is not None:
        return bkt_limit(points, law)
    return crossing_limit(points, law) if signal in CROSSING else peak_limit(points, law)


def _result(
    name: str, signal: str, sizes: list[Samples], measured: Measured, law: Law, known: tuple[str, ...]
) -> CriticalTemperature:
    limits = [_limit(points, law, signal) for points in measured.points]
    trainings = np.array([limit.values[0] for limit in limits])
    samples_error = float(np.mean([limit.values for limit in limits], axis=0)[1:].std(ddof=1))
    retraining = _retraining_error(trainings)
    spread = float(np.mean([limit.spread for limit in limits]))
    value, error = float(trainings.mean()), math.sqrt(samples_error**2 + retraining**2 + spread**2)
    low = min(float(one.temperatures[0]) for one in sizes)
    high = max(float(one.temperatures[-1]) for one in sizes)
    _check_found(value, error, limits, signal)
    if signal in CROSSING and not low - error <= value <= high + error:
        raise ValueError(_no_crossing(signal, low, high, f"the fit places it at {value:.5g}"))
    return CriticalTemperature(
        value, error, samples_error, retraining, spread, name, signal, tuple(one.size for one in sizes),
        _pseudo(measured.points, law, signal), limits[0].scaling, tuple(measured.curves), trainings,
        (*known, *_notes(limits, law)),
    )  # fmt: skip


def _check_found(value: float, error: float, limits: list[Limit], signal: str) -> None:
    """Refuse what no law describes, and what says nothing."""
    worst = max(limit.scaling.chi2 / max(limit.scaling.dof, 1) for limit in limits)
    if worst > _HOPELESS:
        raise ValueError(
            f"no law of finite-size scaling describes the {signal} of these sizes (chi2/dof = {worst:.3g}): sample "
            "nearer to the transition, or larger sizes; or there is no transition"
        )
    if error > _NOTHING * abs(value):
        raise ValueError(
            f"the {signal} does not determine a critical temperature: {value:.3g} with an error of {error:.2g}. More "
            "samples, larger sizes or temperatures nearer to it may; or there is no transition"
        )


def _pseudocritical(
    name: str, signal: str, samples: Samples, measured: Measured, known: tuple[str, ...]
) -> CriticalTemperature:
    """Where the signal of the only size peaks: a number that moves with L."""
    values = np.stack([points.values[:, 0] for points in measured.points])
    note = (
        f"one size: this is where L = {samples.size} peaks, not the critical temperature, from which it can differ by "
        "percents; its error knows nothing of that: give two more sizes"
    )
    warnings.warn(note, RuntimeWarning, stacklevel=3)
    trainings = values[:, 0]
    retraining = _retraining_error(trainings)
    error = float(values.mean(axis=0)[1:].std(ddof=1))
    total = math.hypot(error, retraining)
    return CriticalTemperature(
        float(trainings.mean()), total, error, retraining, 0.0, name, signal, (samples.size,),
        {(samples.size,): (float(trainings.mean()), total)}, Scaling("none: one size", {}, {}, math.nan, 0, 0, 1.0),
        tuple(measured.curves), trainings, (*known, note),
    )  # fmt: skip


def _pseudo(points: list[Points], law: Law, signal: str) -> dict[tuple[int, ...], tuple[float, float]]:
    """T_L of every size where it peaks, T of every two sizes where they cross; with errors over samples."""
    mean = Points(
        points[0].sizes, np.mean([one.values for one in points], axis=0), points[0].errors, points[0].temperatures
    )
    if signal not in CROSSING and law.bkt is None:
        return {
            (int(size),): (float(mean.values[0, k]), float(mean.values[1:, k].std(ddof=1)))
            for k, size in enumerate(mean.sizes)
        }
    if law.bkt is not None:
        return {}
    found: dict[tuple[int, ...], tuple[float, float]] = {}
    for pair in combinations(np.unique(mean.sizes), 2):
        try:
            limit = crossing_limit(mean.kept(np.isin(mean.sizes, pair)), law)
        except ValueError:
            continue
        found[int(pair[0]), int(pair[1])] = (
            float(limit.values[0]),
            float(np.hypot(limit.values[1:].std(ddof=1), limit.spread)),
        )
    return found


def _fluctuating(points: Points) -> Points:
    """Points with an error: where all samples are ground states there is none, and no law of scaling holds."""
    frozen = ~(points.errors > _FROZEN * np.abs(points.values[0]).max())
    if not len(points.temperatures) or not frozen.any():
        return points
    kept = points.kept(~frozen)
    if len(np.unique(kept.sizes)) < len(np.unique(points.sizes)):
        at = ", ".join(f"{t:g}" for t in np.unique(points.temperatures[frozen]))
        raise ValueError(f"samples of one size do not fluctuate at any temperature (T = {at}): sample nearer to T_c")
    return kept


def _check_range(points: Points, signal: str, law: Law) -> None:
    """Refuse temperatures over which the largest size lies on the same side of the smallest throughout."""
    if signal not in CROSSING or law.bkt is not None:
        return
    small, large = points.sizes == points.sizes.min(), points.sizes == points.sizes.max()
    low = max(points.temperatures[small].min(), points.temperatures[large].min())
    high = min(points.temperatures[small].max(), points.temperatures[large].max())
    if low >= high:
        raise ValueError(_no_crossing(signal, low, high, "the sizes have no temperatures in common"))
    t = np.linspace(low, high, 33)
    rows = [[np.interp(t, points.temperatures[at], row[at]) for at in (small, large)]
            for row in (points.values[0], points.errors)]  # fmt: skip
    z = (rows[0][1] - rows[0][0]) / np.hypot(*rows[1])
    if (z > _ALL_ALONG).all() or (z < -_ALL_ALONG).all():
        raise ValueError(_no_crossing(signal, low, high, "one size lies above the other all along"))


def _no_crossing(signal: str, low: float, high: float, why: str) -> str:
    return (
        f"no crossing of the {signal} between T = {low:g} and {high:g}: {why}. Sample on both sides of the transition; "
        "in an ordered phase larger sizes lie higher, in a disordered one lower"
    )


def _retraining_error(trainings: Array) -> float:
    """Error of the mean over trainings; 0 for one, which is no training."""
    n = len(trainings)
    return float(_STUDENT.get(n, 1.0) * trainings.std(ddof=1) / math.sqrt(n)) if n > 1 else 0.0


def _notes(limits: list[Limit], law: Law) -> tuple[str, ...]:
    """What the worst of the fits says, and what no fit says."""
    if law.unresolved:
        return (
            f"these sizes do not resolve the logarithms: {law.unresolved:.0%} of the temperature is in the error for "
            "them; estimator='helicity' is the better way",
        )
    found = [(limit.scaling.chi2, limit.scaling.dof) for limit in limits]
    chi2, dof = max(found, key=lambda one: one[0] / max(one[1], 1))
    if dof == 0 or chi2 / dof < _BAD:
        return ()
    return (
        f"the best fit has chi2/dof = {chi2:.1f}/{dof}: the law does not describe these sizes; errors were enlarged by "
        "its root",
    )
