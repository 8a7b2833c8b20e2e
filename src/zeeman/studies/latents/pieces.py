"""One training of one model, read: its codes and principal components against the order parameter, and their levels.

Configurations at several temperatures train a beta-VAE (`mlp`) at a tenth of the last collapse threshold that the
order parameter has (`zeeman.meanfield.collapse_threshold`): below it all its components are alive, and a beta of its
order keeps what is not order out of the code. Half of the configurations train; what is read, a quarter at
all temperatures and a quarter at a cold one, no network and no map has seen.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from sklearn.decomposition import PCA
from sklearn.neighbors import KNeighborsRegressor

from zeeman import spins
from zeeman.base.random import stream
from zeeman.meanfield import collapse_threshold
from zeeman.spectrum import LatentSpectrum
from zeeman.studies.figures.claims import Numbers
from zeeman.studies.figures.shelf import Shelf
from zeeman.studies.figures.sizes import Size
from zeeman.studies.latents import shapes
from zeeman.studies.latents.cases import Case
from zeeman.vae import BetaVAE

__all__ = ["METHODS", "trained"]

METHODS = ("beta-VAE", "PCA")
_FRACTION = 0.1  # of the collapse threshold
_RATE = 3e-3
_PASSES = 2  # in units of those of a convolutional network
_KEPT = 1200  # samples kept for the pictures, of each temperature range
_LEVELS = 8
_NEAREST = 10

Array = NDArray[np.float64]


def trained(case: Case, seed: int, size: Size, shelf: Shelf) -> Numbers:
    """Return what the figure shows of one training; method axes are in the order of `METHODS`.

    ``correlation`` (method, what): R of the order parameter by the best linear map, by the best similarity, by the ten
    nearest codes, and of every component by the linear map; ``null``: the first with the samples of one side permuted;
    ``shape`` (method, what): see `_shape`; ``energies`` (method, state) of the cold codes, ``all_energies`` of those at
    all temperatures, where states are points and hops are seen; ``n_clusters`` (method,) found in the cold codes;
    ``gaussian`` (state,): levels of as many isotropic Gaussian codes;
    ``codes`` (method, sample, component): similarity maps to the order parameter, with ``target``, ``states``,
    ``temperature``; ``cold``: which of these are.
    """
    settings = {
        "case": case.key, "lattice": size.lattice, "n": size.n_configurations, "epochs": size.n_epochs, "seed": seed,
        "temperatures": case.temperatures, "cold": case.cold,
    }  # fmt: skip

    def make(checkpoint: Path) -> Numbers:
        return _train(case, seed, size, checkpoint)

    return shelf.get(f"latents-{case.key}-seed{seed}", settings, make)


def _train(case: Case, seed: int, size: Size, checkpoint: Path) -> Numbers:
    X, _ = _sampled(case, case.temperatures, size.n_configurations // 2, size, seed, "training")
    d = case.latent_dim
    beta = _FRACTION * collapse_threshold(X, case.likelihood, n_directions=d).betas[-1]
    vae = BetaVAE(
        d, likelihood=case.likelihood, beta=float(beta), network="mlp", n_epochs=_PASSES * size.n_epochs,
        learning_rate=_RATE, random_state=seed,
    ).fit(X, checkpoint=checkpoint)  # fmt: skip
    pca = PCA(d, random_state=0).fit(case.features(X))
    quarter = size.n_configurations // 4
    warm, temperature = _sampled(case, case.temperatures, quarter, size, seed, "reading")
    cold, _ = _sampled(case, (case.cold,), quarter, size, seed, "cold")
    read = [(vae.transform(A).astype(np.float64), pca.transform(case.features(A))) for A in (warm, cold)]
    M, M_cold, states = case.target(warm), case.target(cold), case.states(cold)
    per_method = [
        _read(case, [codes[i] for codes in read], M, M_cold, states, seed) for i in range(len(METHODS))
    ]  # fmt: skip
    found = {name: np.array([one[name] for one in per_method]) for name in per_method[0]}
    kept = stream(seed, "figures").permutation(len(warm))[:_KEPT]
    kept_cold = np.arange(len(cold))[:_KEPT]
    codes = found.pop("warm_codes")[:, kept], found.pop("cold_codes")[:, kept_cold]
    return found | {
        "beta": np.array(beta), "null": _null(read[0][0], M, seed),
        "gaussian": _gaussian_levels(len(cold), d, found["energies"].shape[-1], seed),
        "codes": np.concatenate(codes, axis=1).astype(np.float16),
        "target": np.concatenate([M[kept], M_cold[kept_cold]]).astype(np.float16),
        "states": np.concatenate([case.states(warm[kept]), states[kept_cold]]).astype(np.int8),
        "temperature": np.concatenate([temperature[kept], np.full(len(kept_cold), case.cold * case.unit)]),
        "cold": np.repeat([False, True], [len(kept), len(kept_cold)]),
    }  # fmt: skip


def _sampled(
    case: Case, temperatures: tuple[float, ...], n: int, size: Size, seed: int, name: str
) -> tuple[NDArray, Array]:
    """About `n` configurations, as many at every temperature, and their temperatures."""
    ds = spins.sample(
        case.model(size.lattice), [case.unit * t for t in temperatures], max(2, n // len(temperatures)),
        seed=int(stream(seed, f"configurations/{name}").integers(2**31)),
    )  # fmt: skip
    return ds.configuration.values, ds.temperature.values.astype(np.float64)


def _read(
    case: Case, Z: list[Array], M: Array, M_cold: Array, states: NDArray[np.int64], seed: int
) -> dict[str, NDArray]:
    """One code, (warm, cold) in `Z`: maps fitted on the first half of the warm samples, judged on the second."""
    warm, cold = Z
    fit = np.arange(len(M)) % 2 == 0
    linear = shapes.linear_map(warm[fit], M[fit], warm[~fit])
    near = KNeighborsRegressor(_NEAREST).fit(warm[fit], M[fit]).predict(warm[~fit])
    component = [shapes.agreement(M[~fit, c, None], linear[:, c, None]) for c in range(M.shape[1])]
    move = shapes.turned if case.shape != "strip" else shapes.linear_map
    moved = [move(warm[fit], M[fit], at) for at in (warm, cold)]
    n_states = max(_LEVELS, sum(case.sizes) + 1)
    spectra = [_spectrum(codes, n_states, seed) for codes in Z]
    count = spectra[1].n_clusters_
    if not case.discrete and count > 1:  # arcs taken for sets would cost levels: what is known of the states decides
        spectra[1] = _spectrum(cold, n_states, seed, n_clusters=1)
    return {
        "correlation": np.array(
            [shapes.agreement(M[~fit], P) for P in (linear, moved[0][~fit], near)] + component
        ),
        "shape": np.array(_shape(case, cold, moved[1], M_cold, states, seed)),
        "all_energies": spectra[0].energies_, "energies": spectra[1].energies_,
        "n_clusters": np.array(count),
        "warm_codes": moved[0], "cold_codes": moved[1],
    }  # fmt: skip


def _shape(
    case: Case, cold: Array, moved: Array, M_cold: Array, states: NDArray[np.int64], seed: int
) -> tuple[float, float]:
    """Of the cold codes: cosine with the order parameter and radial spread, or edge ratio and agreement of corners.

    A strip (Blume-Capel) has a cosine of the angle between the two directions of the code that say m and s^2, and how
    well two clusters are the sign.
    """
    if case.shape in ("circle", "sphere"):
        return shapes.cosines(M_cold, moved), shapes.radial_spread(cold)
    if case.shape == "strip":
        signs = (M_cold[:, 0] > 0).astype(np.int64)
        return _between(cold, M_cold), shapes.corner_score(cold, signs, 2, seed)
    ratio = shapes.edge_ratio(shapes.corners(cold, states), ring=case.shape == "polygon")
    return ratio, shapes.corner_score(cold, states, case.n_clusters, seed)


def _between(Z: Array, M: Array) -> float:
    """|cos| between the directions of the code along which the two components of M change."""
    a, b = np.linalg.lstsq(Z - Z.mean(axis=0), M - M.mean(axis=0), rcond=None)[0].T
    return float(abs(a @ b) / np.linalg.norm(a) / np.linalg.norm(b))


def _spectrum(Z: Array, n_states: int, seed: int, n_clusters: int | None = None) -> LatentSpectrum:
    return LatentSpectrum(n_states=n_states, n_clusters=n_clusters, random_state=seed, n_bootstrap=0).fit(Z)


def _gaussian_levels(n_samples: int, dim: int, n_states: int, seed: int) -> Array:
    """Levels of isotropic Gaussian codes, (state,): what a blob without a shape shows."""
    drawn = stream(seed, "null").standard_normal((n_samples, dim))
    return _spectrum(drawn, n_states, seed).energies_


def _null(Z: Array, M: Array, seed: int) -> Array:
    """R of codes and an order parameter that belong to different samples, (draw,)."""
    rng, fit = stream(seed, "permutations"), np.arange(len(M)) % 2 == 0
    found = []
    for _ in range(20):
        Y = M[rng.permutation(len(M))]
        found.append(shapes.agreement(Y[~fit], shapes.linear_map(Z[fit], Y[fit], Z[~fit])))
    return np.array(found)
