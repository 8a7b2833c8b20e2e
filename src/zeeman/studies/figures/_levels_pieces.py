"""Energies of single samples of one data set of classes: by paper 000's objectives, and by a spectrum.

A spectrum has an energy for every state and none for a sample; a sample's is the mean energy of the low states found at
its place (the mean of the local density of states),

    e(z) = sum_{n<k} E_n f_n(z)^2 / sum_{n<k} f_n(z)^2,

which inside a set is the energy of the state localized there: the cost of leaving it. It does not depend on signs, nor
on how near-degenerate states are mixed.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.cluster import KMeans
from sklearn.decomposition import PCA
from sklearn.manifold import TSNE
from sklearn.metrics import adjusted_rand_score

from zeeman.base.random import stream
from zeeman.base.types import Seed
from zeeman.eigennet import pointwise_optimum
from zeeman.spectrum import LatentSpectrum
from zeeman.studies.figures._classes import (
    eta_squared,
    grouping_ari,
    is_small,
    permuted,
    state_network,
    trained_classes,
)
from zeeman.studies.figures.claims import Numbers
from zeeman.studies.figures.shelf import Shelf
from zeeman.studies.figures.sizes import Size

__all__ = ["GROUPINGS", "METHODS", "read_levels"]

METHODS = ("printed", "printed, least", "corrected", "corrected, least", "network", "spectrum")
GROUPINGS = (*METHODS, "sets", "k-means", "PCA", "t-SNE")  # what is cut into groups: energies, then these
_N_STATES = 10
_ON_MAP = 1_000  # samples of the t-SNE, at most half of all
_BINS = 30  # of |z|
_DRAWS = 20


def read_levels(k: int, seed: int, size: Size, shelf: Shelf) -> Numbers:
    """Energies of the first training of k classes by every method, judged against the classes.

    Returns
    -------
    mapping
        "energies" (method, sample); "psi" (2, sample) printed and corrected; "localized" (sample, set); "map" (shown,
        2) t-SNE of the first samples; "labels" (sample,); "ari" (grouping,), "eta2" (grouping,) with nan where there
        is no number a sample; "psi_ari", "n_ari" (2,) of psi and of the quantum number; "psi_again", |correlation| of
        the printed psi of two networks; "by_radius" (2,) share of the variance of e that |z| explains; "n_sets";
        "null_ari", "null_eta2" (draw,).
    """
    trained = trained_classes(k, seed, size, shelf)
    settings = {
        "n_classes": k, "n_samples": size.n_samples, "seed": seed, "n_epochs": size.n_table_epochs,
        "n_replicas": len(trained["codes"]), "n_states": _N_STATES, "small": is_small(size), "version": 2,
    }  # fmt: skip
    return shelf.get(f"levels-k{k}-seed{seed}", settings, partial(_read, trained, settings))


def _read(trained: Numbers, settings: dict[str, Any], _: Path) -> Numbers:
    Z, labels = trained["codes"][0].astype(np.float64), trained["labels"]
    k, seed = settings["n_classes"], settings["seed"]
    epochs = 3 if settings["small"] else None
    printed, again, corrected = (
        _pointwise(Z, name, k, stream(seed, f"{name} objective", run), epochs)
        for name, run in (("paper", 0), ("paper", 1), ("corrected", 0))
    )
    network = state_network(Z, k, "rayleigh", epochs, stream(seed, "rayleigh"))
    spectrum = LatentSpectrum(_N_STATES, random_state=seed, n_bootstrap=0).fit(Z)
    low = spectrum.n_clusters_
    states = np.column_stack([np.ones(len(Z)), spectrum.transform(Z)[:, : low - 1]])
    energies = np.array([
        printed["energy"], printed["least"], corrected["energy"], corrected["least"],
        _local_energy(network.states(Z), network.energies_), _local_energy(states, spectrum.energies_[:low]),
    ])  # fmt: skip
    shown = TSNE(init="pca", random_state=seed).fit_transform(Z[: min(_ON_MAP, len(Z) // 2)])
    return {
        "energies": energies, "psi": np.array([printed["psi"], corrected["psi"]]),
        "localized": spectrum.localize(Z), "map": shown, "labels": labels, "n_sets": np.array(low),
        **_judged(Z, labels, k, energies, spectrum.labels_, shown),
        "psi_ari": np.array([grouping_ari(one["psi"], labels, k) for one in (printed, corrected)]),
        "n_ari": np.array([grouping_ari(one["n"], labels, k) for one in (printed, corrected)]),
        "psi_again": np.abs(np.corrcoef(printed["psi"], again["psi"])[0, 1]),
        "by_radius": np.array([eta_squared(one["energy"], _shells(Z)) for one in (printed, corrected)]),
        **_nulls(energies[-1], labels, k, seed),
    }  # fmt: skip


def _pointwise(Z: NDArray[np.float64], objective: str, k: int, rng: Seed, epochs: int | None) -> Numbers:
    """What the paper trains: psi, n and energy of every sample, and the least energy that any psi could give it."""
    net = state_network(Z, k, objective, epochs, rng)
    box = net.box_
    least = pointwise_optimum(np.linalg.norm(Z, axis=1), box.t, box.alpha, box.length, objective=objective)
    return {
        "psi": net.transform(Z)[:, 0], "n": net.quantum_numbers(Z), "energy": net.energies_of(Z), "least": least.energy,
    }  # fmt: skip


def _local_energy(states: NDArray[np.float64], energies: NDArray[np.float64]) -> NDArray[np.float64]:
    weights = states**2
    return weights @ energies / weights.sum(axis=1)


def _judged(
    Z: NDArray[np.float64], labels: NDArray[Any], k: int, energies: NDArray[np.float64], sets: NDArray[Any],
    shown: NDArray[Any],
) -> Numbers:  # fmt: skip
    axis = PCA(1).fit_transform(Z)[:, 0]
    ari = [
        *(grouping_ari(e, labels, k) for e in energies), adjusted_rand_score(labels, sets),
        adjusted_rand_score(labels, KMeans(k, n_init=10, random_state=0).fit_predict(Z)),
        grouping_ari(axis, labels, k), grouping_ari(shown, labels[: len(shown)], k),
    ]  # fmt: skip
    eta2 = [*(eta_squared(e, labels) for e in energies), np.nan, np.nan, eta_squared(axis, labels), np.nan]
    return {"ari": np.array(ari), "eta2": np.array(eta2)}


def _shells(Z: NDArray[np.float64]) -> NDArray[np.integer]:
    """Shell of |z| of every sample, as many samples in each."""
    radius = np.linalg.norm(Z, axis=1)
    return np.searchsorted(np.quantile(radius, np.linspace(0, 1, _BINS + 1)[1:-1]), radius)


def _nulls(energies: NDArray[np.float64], labels: NDArray[Any], k: int, seed: int) -> Numbers:
    shuffled = permuted(labels, _DRAWS, seed)
    return {
        "null_ari": np.array([grouping_ari(energies, one, k) for one in shuffled]),
        "null_eta2": np.array([eta_squared(energies, one) for one in shuffled]),
    }  # fmt: skip
