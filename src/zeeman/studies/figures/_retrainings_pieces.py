"""What is measured on the retrainings of one data set of classes: agreement by frame, levels, the multiplet, ln p."""

from __future__ import annotations

from functools import partial
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.cluster import KMeans

from zeeman.base.random import stream
from zeeman.replicas import Lift, agreement, degeneracy, lift
from zeeman.replicas.degeneracy import COLUMNS
from zeeman.replicas.nulls import haar
from zeeman.replicas.structure import ari
from zeeman.spectrum import LatentSpectrum
from zeeman.studies.figures._classes import is_small, permuted, state_network, trained_classes
from zeeman.studies.figures.claims import Numbers
from zeeman.studies.figures.shelf import Shelf
from zeeman.studies.figures.sizes import Size

__all__ = ["FRAMES", "N_STATES", "prior_alone", "read_retrainings"]

FRAMES = ("raw", "PCA", "ICA", "energies", "Procrustes", "relative", "lifted")  # of `zeeman.degeneracy`
N_STATES = 10
_RESAMPLES = 6  # for the sampling errors of levels, which say what may be joined to a block
_POINTS = 33  # strengths along the path
_DRAWS = 10  # of nulls made here


def read_retrainings(k: int, seed: int, size: Size, shelf: Shelf) -> Numbers:
    """Read every training of one data set, and compare them in every frame.

    Returns
    -------
    mapping
        "values" (frame, measure, pair); "null.frame" (measure, draw) random frames of k - 1 axes; "null.rotation",
        "null.permuted" (measure, draw) of the raw codes; "energies", "errors" (replica, state); "variances" (replica,
        latent) of the principal components; "path" (replica, point, state), "strength" (point,); "coordinates"
        (replica, sample, 2) lifted; "found" (replica,) sets found; "cluster_ari" (2, pair) ours and k-means, and
        "cluster_null"; "printed" (3, pair): correlation over retrainings of the printed objective's energies, of |z|,
        and of energies with permuted samples.
    """
    trained = trained_classes(k, seed, size, shelf)
    settings = {
        "n_classes": k, "n_samples": size.n_samples, "seed": seed, "n_epochs": size.n_table_epochs,
        "n_replicas": len(trained["codes"]), "n_states": N_STATES, "small": is_small(size), "version": 1,
    }  # fmt: skip
    return shelf.get(f"retrainings-k{k}-seed{seed}", settings, partial(_read, trained, settings))


def prior_alone(seed: int, size: Size, shelf: Shelf) -> Numbers:
    """Levels at the end of the path for samples of the prior itself, "energies" (state,): a multiplet not split."""
    settings = {"n_samples": size.n_samples, "seed": seed, "n_states": N_STATES}

    def read(_: Path) -> Numbers:
        Z = stream(seed, "prior alone").standard_normal((size.n_samples, 5))
        return {"energies": _spectrum(Z, seed).diagram("prior", n_points=2).energies[-1]}

    return shelf.get(f"prior-seed{seed}", settings, read)


def _read(trained: Numbers, settings: dict[str, Any], _: Path) -> Numbers:
    codes, k, seed = trained["codes"].astype(np.float64), settings["n_classes"], settings["seed"]
    lifted = lift(list(codes), N_STATES, random_state=seed, n_bootstrap=_RESAMPLES)
    report = degeneracy(list(codes), lifted=lifted, random_state=seed)
    paths = [spectrum.diagram("prior", n_points=_POINTS) for spectrum in lifted.spectra]
    rotated, shuffled = (
        np.array([report.nulls[name][kind].draws for name in COLUMNS]) for kind in ("rotation", "permuted")
    )
    return {
        "values": np.array([[report.values[frame][name] for name in COLUMNS] for frame in FRAMES]),
        "null.frame": _random_frames(codes, report.n_axes, seed),
        "null.rotation": rotated, "null.permuted": shuffled,
        "energies": lifted.energies, "errors": lifted.energies_error, "found": lifted.found,
        "variances": np.array([np.sort(np.linalg.eigvalsh(np.cov(Z.T)))[::-1] for Z in codes]),
        "strength": paths[0].strength, "path": np.array([path.energies for path in paths]),
        "coordinates": lifted.coordinates[:, :, :2].astype(np.float32),
        **_clusters(codes, lifted, trained["labels"], k, seed),
        "printed": _printed(codes, k, seed, settings["small"]),
    }  # fmt: skip


def _spectrum(Z: NDArray[np.float64], seed: int) -> LatentSpectrum:
    return LatentSpectrum(N_STATES, random_state=seed, n_bootstrap=0).fit(Z)


def _random_frames(codes: NDArray[np.float64], n_axes: int, seed: int) -> NDArray[np.float64]:
    """Agreement of as many axes as are lifted, each training's in a random frame of its own: (measure, draw)."""
    rng, found = stream(seed, "random frames"), []
    for _ in range(_DRAWS):
        turned = [Z @ haar(Z.shape[1], 1, rng)[0][:, :n_axes] for Z in codes]
        found.append(np.mean([_measures(a, b, seed) for a, b in combinations(turned, 2)], axis=0))
    return np.array(found).T


def _measures(a: NDArray[np.float64], b: NDArray[np.float64], seed: int) -> list[float]:
    values = agreement(a, b, COLUMNS, seed=seed)
    return [values[name] for name in COLUMNS]


def _clusters(codes: NDArray[np.float64], lifted: Lift, labels: NDArray[Any], k: int, seed: int) -> Numbers:
    """Agreement of the sets found by every two trainings, beside k-means that is told k, and permuted labels."""
    told = [KMeans(k, n_init=10, random_state=0).fit_predict(Z) for Z in codes]
    pairs = list(combinations(range(len(codes)), 2))
    ours = [ari(lifted.labels[a], lifted.labels[b]) for a, b in pairs]
    theirs = [ari(told[a], told[b]) for a, b in pairs]
    null = [ari(lifted.labels[0], shuffled) for shuffled in permuted(lifted.labels[-1], _DRAWS, seed)]
    return {"cluster_ari": np.array([ours, theirs]), "cluster_null": np.array(null)}


def _printed(codes: NDArray[np.float64], k: int, seed: int, small: bool) -> NDArray[np.float64]:
    """Agreement of energies by paper 000's objective as printed, one network a training, as of any axis."""
    epochs = 3 if small else None
    energies = []
    for r, Z in enumerate(codes):
        rng = stream(seed, "printed objective", r)
        net = state_network(Z, k, "paper", epochs, rng)
        energies.append(net.energies_of(Z)[:, None])
    radii = [np.linalg.norm(Z, axis=1)[:, None] for Z in codes]
    order = stream(seed, "permuted samples").permutation(codes.shape[1])
    rows: tuple[list[float], ...] = ([], [], [])
    for a, b in combinations(range(len(codes)), 2):
        compared = ((energies[a], energies[b]), (radii[a], radii[b]), (energies[a], energies[b][order]))
        for row, (one, other) in zip(rows, compared, strict=True):
            row.append(agreement(one, other, ("ordered_correlation",))["ordered_correlation"])
    return np.array(rows)
