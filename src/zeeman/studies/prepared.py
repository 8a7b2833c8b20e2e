"""What an analysis will train on and with, settled before anything is trained or written.

    source -> data -> settings resolved by the data -> scaled data -> estimators, not yet fitted

A convolutional network is trained once and an ensemble of small networks stands beside it.
"""

from __future__ import annotations

import inspect
import os
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from zeeman.base.checks import check_choice, check_positive_integer
from zeeman.base.random import stream
from zeeman.data import BUILT_IN, Loaded, load
from zeeman.replicas.degeneracy import check_comparable
from zeeman.spectrum import LatentSpectrum
from zeeman.studies.options import Options
from zeeman.vae import BetaVAE
from zeeman.vae.likelihoods import resolve
from zeeman.vae.model import resolve_network

__all__ = ["Prepared", "prepare", "site_shape"]

_SPINS = ("von_mises", "von_mises_fisher")
# samples a step, and epochs for about so many steps, within limits: by default, of a lattice and of a table
_LATTICE, _TABLE = (64, 672, (4, 60)), (128, 2_400, (10, 150))
_REPLICAS = 5
# epochs for one of the large network, samples a step for one of its own; Adam's rate
_ENSEMBLE_PASSES, _ENSEMBLE_BATCHES, _ENSEMBLE_RATE = 2, 2, 1e-3


@dataclass(frozen=True)
class Prepared:
    """One analysis about to begin.

    Attributes
    ----------
    data : Loaded
        As the networks will see it.
    options : Options
        With everything resolved that was left to the data.
    likelihood : str
        Its name, and why it was chosen.
    notes : list of str
        What else was chosen, one sentence each.
    large : BetaVAE
        Not fitted: all trainings, or the one of a convolutional network.
    small : BetaVAE or None
        The ensemble beside a convolutional network.
    """

    data: Loaded
    options: Options
    likelihood: str
    notes: list[str]
    large: BetaVAE
    small: BetaVAE | None

    @property
    def settings(self) -> dict[str, Any]:
        """Every option that decides a number."""
        chosen = {k: v for k, v in asdict(self.options).items() if k not in ("device", "n_threads")}
        return {"source": self.data.name, **chosen}

    @property
    def spectrum(self) -> LatentSpectrum:
        """The estimator of levels, not fitted."""
        return LatentSpectrum(self.options.n_states, self.options.n_clusters, self.options.seed)


def prepare(source: str | os.PathLike[str], options: Options, progress: bool = False) -> Prepared:
    """Load, resolve and check; ValueError, TypeError or OSError says what cannot be used. Nothing is written."""
    data = _load(source, options, progress)
    options, likelihood = _with_likelihood(data, options)
    options, chosen = _resolved(data, options, built_in=str(source) in BUILT_IN)
    data, scaling = _scaled(data, options)
    network = resolve_network(options.network, site_shape(data, options), bool(options.tempered))
    n_replicas = options.n_replicas or 1
    n_large = 1 if network in ("table1", "table2") else n_replicas
    large = _estimator(replace(options, n_replicas=n_large), progress)
    small = _small(options, n_replicas - n_large, progress) if n_large < n_replicas else None
    prepared = Prepared(data, options, likelihood, [*chosen, *scaling], large, small)
    for vae in (large, small):
        if vae is not None:
            vae.check_parameters()
    _check_rows(len(data.X), options)
    prepared.spectrum.check_parameters(len(data.X))
    if n_replicas > 1:
        check_comparable(len(data.X))
    _check_distinct(data.X, options.n_states)
    return prepared


def site_shape(data: Loaded, options: Options) -> tuple[int, ...]:
    """Shape of the sites of a datum: without the components of vectors."""
    if data.X.shape[-1] != 3:
        return data.X.shape[1:]
    likelihood = resolve(data.X, options.likelihood, bool(options.tempered), data.attrs)[0]
    return likelihood.site_shape(data.X.shape[1:])


def _check_rows(n_rows: int, options: Options) -> None:
    """ValueError with too few rows for the levels, in the words of a file."""
    check_positive_integer(options.n_states, "n_states", 2)
    if n_rows <= options.n_states:
        remedy = f"add rows, or take --n-states {n_rows - 1}" if n_rows > 2 else "add rows"
        raise ValueError(
            f"the data have {n_rows} rows, too few for n_states = {options.n_states} levels of energy: {remedy}"
        )


def _check_distinct(X: NDArray, n_states: int) -> None:
    """ValueError with fewer distinct rows than levels: equal rows have equal codes, and d points d functions."""
    seen = set()
    for row in X:
        seen.add(row.tobytes())
        if len(seen) >= n_states:
            return
    raise ValueError(
        f"the data have only {len(seen)} distinct rows of {len(X)}, too few for n_states = {n_states} levels: give "
        f"more, or --n-states {max(2, len(seen))} at most"
    )


def _load(source: str | os.PathLike[str], options: Options, progress: bool) -> Loaded:
    chosen: dict[str, Any] = {
        key: value for key in ("size", "n_samples", "n_classes") if (value := getattr(options, key)) is not None
    }
    if str(source) in BUILT_IN:
        takes = inspect.signature(BUILT_IN[str(source)]).parameters
        chosen |= {key: value for key, value in (("seed", options.seed), ("progress", progress)) if key in takes}
    return load(source, key=options.key, label_column=options.label_column, **chosen)


def _with_likelihood(data: Loaded, options: Options) -> tuple[Options, str]:
    """Name the likelihood by the data as they came: standardised counts are none, and angles need the file's word."""
    check_choice(options.scale, ("auto", "none", "standardize"), "scale")
    if options.scale == "standardize":
        if options.likelihood not in ("auto", "gaussian"):
            raise ValueError(
                f"scale 'standardize' is for the Gaussian likelihood, not for {options.likelihood!r}: leave it out, or "
                "choose likelihood 'gaussian'"
            )
        return replace(options, likelihood="gaussian"), "gaussian: for standardised columns, as asked"
    likelihood, why = resolve(data.X, options.likelihood, bool(options.tempered), data.attrs)
    return replace(options, likelihood=likelihood.name), why


def _resolved(data: Loaded, options: Options, *, built_in: bool) -> tuple[Options, list[str]]:
    """Fill in what was left to the data; say each choice."""
    notes, shape = [], site_shape(data, options)
    lattice = (data.kind == "spins" or options.likelihood in _SPINS) and len(shape) == 2
    if options.n_replicas is None:
        options = replace(options, n_replicas=_REPLICAS)
    check_positive_integer(options.n_replicas, "n_replicas")
    if options.latent_dim is None:
        dim = 2 if len(shape) > 1 else min(8 if shape[0] >= 64 else 5, max(1, shape[0] // 2))
        options = replace(options, latent_dim=dim)
    if options.beta is None:
        beta = 100.0 * np.prod(shape) / 1024 if lattice else 1.0
        options = replace(options, beta=float(beta))
        if lattice:
            notes.append(f"beta = {beta:g}: 100 at 32 x 32 (paper 002), scaled by the area")
    usual, steps, limits = _LATTICE if lattice else _TABLE
    batch_size = usual if options.batch_size is None else check_positive_integer(options.batch_size, "batch_size", 2)
    options = replace(options, batch_size=batch_size)
    if options.n_epochs is None:
        steps_an_epoch = max(1, int(0.9 * len(data.X)) // batch_size)
        options = replace(options, n_epochs=int(np.clip(steps // steps_an_epoch, *limits)))
    if options.start is None:
        options = replace(options, start="pca" if lattice else "random")
        if lattice:
            notes.append("the encoder starts at the principal components, in a random frame; --start random for none")
    if options.learning_rate is None:
        options = replace(options, learning_rate=1e-3)
    if options.scale == "auto":
        real = options.likelihood == "gaussian" and data.kind == "table"
        options = replace(options, scale="standardize" if real and not built_in else "none")
    return options, notes


def _scaled(data: Loaded, options: Options) -> tuple[Loaded, list[str]]:
    if options.scale == "none":
        return data, []
    mean, spread = data.X.mean(axis=0, dtype=np.float64), data.X.std(axis=0, dtype=np.float64)
    X = ((data.X - mean) / np.where(spread > 0, spread, 1.0)).astype(np.float32)
    note = "every column was standardised (mean 0, variance 1) for the unit-variance Gaussian; --scale none leaves it"
    attrs = {**data.attrs, "scale_mean": mean.tolist(), "scale_spread": spread.tolist()}
    return replace(data, X=X, attrs=attrs), [note]


def _estimator(options: Options, progress: bool) -> BetaVAE:
    assert options.latent_dim is not None  # resolved by now, like those below
    assert options.beta is not None
    assert options.n_epochs is not None
    assert options.start is not None
    assert options.learning_rate is not None
    assert options.batch_size is not None
    assert options.n_replicas is not None
    return BetaVAE(
        latent_dim=options.latent_dim, likelihood=options.likelihood, beta=options.beta, tempered=options.tempered,
        network=options.network, n_replicas=options.n_replicas, n_epochs=options.n_epochs,
        batch_size=options.batch_size, learning_rate=options.learning_rate, start=options.start,
        random_state=options.seed, device=options.device, n_threads=options.n_threads, verbose=progress,
    )  # fmt: skip


def _small(options: Options, count: int, progress: bool) -> BetaVAE:
    """The ensemble beside a convolutional network: fully connected, seeds of its own."""
    assert options.n_epochs is not None
    assert options.batch_size is not None
    own = replace(
        options, network="mlp", n_replicas=count, learning_rate=_ENSEMBLE_RATE,
        batch_size=_ENSEMBLE_BATCHES * options.batch_size, n_epochs=_ENSEMBLE_PASSES * options.n_epochs,
        seed=int(stream(options.seed, "ensemble").integers(2**31)),
    )  # fmt: skip
    return _estimator(own, progress)
