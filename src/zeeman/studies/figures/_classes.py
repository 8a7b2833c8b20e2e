"""Paper 000's data, trained: k Gaussian classes in 30 columns, an MLP beta-VAE with d_z = 5, several retrainings.

Both figures of the paper read the same trainings. Energies e(z) of single samples are judged against the classes by
two numbers: ARI of e cut into k groups by k-means, and eta^2 = between-class / total variance of e.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.cluster import KMeans
from sklearn.metrics import adjusted_rand_score

from zeeman.base.random import stream
from zeeman.base.types import Seed
from zeeman.data.sources import classes
from zeeman.eigennet import EigenNet
from zeeman.studies.figures.claims import Numbers
from zeeman.studies.figures.shelf import Shelf
from zeeman.studies.figures.sizes import Size
from zeeman.vae import BetaVAE

__all__ = [
    "class_counts",
    "eta_squared",
    "grouping_ari",
    "is_small",
    "n_replicas",
    "permuted",
    "state_network",
    "trained_classes",
]

_LATENT = 5
_HELD_OUT = 500
_IMPORTANCE = 200


def is_small(size: Size) -> bool:
    """Whether everything is to run and nothing to be learned."""
    return size.n_samples < 1000


def n_replicas(size: Size) -> int:
    """Retrainings of a data set."""
    return 2 if is_small(size) else 5 if size.name == "paper" else 3


def class_counts(size: Size) -> tuple[int, ...]:
    """The paper's k = 2, 3, 4, 5; two of them where everything is only to run."""
    return (2, 3) if is_small(size) else (2, 3, 4, 5)


def trained_classes(k: int, seed: int, size: Size, shelf: Shelf) -> Numbers:
    """Retrainings of one data set of k classes, from the shelf if they are there.

    Returns
    -------
    mapping
        "codes" (replica, sample, latent) posterior means of the training samples; "labels" (sample,); of 500 samples
        never trained on, in nats a sample: "log_likelihood" (replica,) by importance sampling, "ln_p_linear" of
        probabilistic PCA with as many latents and the same unit noise, and "ln_p_mean" of no latent at all.
    """
    settings = {
        "n_classes": k, "n_samples": size.n_samples, "n_held_out": _HELD_OUT, "seed": seed, "latent_dim": _LATENT,
        "n_replicas": n_replicas(size), "n_epochs": size.n_table_epochs, "n_importance": _IMPORTANCE,
    }  # fmt: skip
    return shelf.get(f"classes-k{k}-seed{seed}", settings, partial(_train, settings))


def state_network(Z: NDArray, k: int, objective: str, n_epochs: int | None, seed: Seed) -> EigenNet:
    """Train the network psi_n(z) of an objective to its end: one that was interrupted is no result."""
    batch = 512 if objective == "rayleigh" else 128  # its loss is a ratio of means, the papers' a mean over samples
    net = EigenNet(k, objective, n_epochs=n_epochs, batch_size=batch, random_state=seed).fit(Z)
    if net.interrupted_:
        raise KeyboardInterrupt
    return net


def grouping_ari(values: NDArray[Any], labels: NDArray[Any], k: int) -> float:
    """Adjusted Rand index of `values`, (sample,) or (sample, axis), cut into k groups by k-means, and the labels."""
    points = values.reshape(len(values), -1)
    spread = float(points.std())
    if _constant(points) or len(np.unique(points, axis=0)) < k:
        return 0.0  # fewer values than groups
    groups = KMeans(k, n_init=10, random_state=0).fit_predict((points - points.mean(axis=0)) / spread)
    return float(adjusted_rand_score(labels, groups))


def eta_squared(values: NDArray[np.float64], labels: NDArray[Any]) -> float:
    """Share of the variance of `values`, (sample,), that lies between the groups of `labels`."""
    centred = values - values.mean()
    total = float((centred**2).sum())
    between = sum(float(centred[labels == c].sum() ** 2 / (labels == c).sum()) for c in np.unique(labels))
    return 0.0 if _constant(values) else between / total


def permuted(labels: NDArray[Any], n_draws: int, seed: int) -> list[NDArray[Any]]:
    """The labels in random order, `n_draws` times: what tells of no sample."""
    rng = stream(seed, "permuted labels")
    return [rng.permutation(labels) for _ in range(n_draws)]


def _constant(values: NDArray[Any]) -> bool:
    """Whether values differ by rounding alone."""
    return bool(np.ptp(values) <= 1e-9 * np.abs(values).max())


def _train(settings: dict[str, Any], checkpoint: Path) -> Numbers:
    n, seed = settings["n_samples"], settings["seed"]
    data = classes(settings["n_classes"], n + settings["n_held_out"], seed)
    X, unseen = data.X[:n], data.X[n:]
    vae = BetaVAE(
        settings["latent_dim"], "gaussian", n_replicas=settings["n_replicas"], n_epochs=settings["n_epochs"],
        random_state=seed,
    ).fit(X, checkpoint=checkpoint)  # fmt: skip
    labels = np.unique(np.asarray(data.labels), return_inverse=True)[1]
    return {
        "codes": vae.encode(X).mean, "labels": labels[:n],
        "log_likelihood": vae.log_likelihood(unseen, settings["n_importance"]).mean(axis=1),
        "ln_p_linear": _gaussian(X, unseen, settings["latent_dim"]), "ln_p_mean": _gaussian(X, unseen, 0),
    }  # fmt: skip


def _gaussian(X: NDArray[Any], unseen: NDArray[Any], n_latents: int) -> float:
    """Held-out ln p of x = W z + mean + unit noise at its maximum: covariance max(eigenvalue, 1) on the kept axes.

    Source: Tipping and Bishop 1999, J. R. Stat. Soc. B 61:611, with the noise fixed.
    """
    mean = X.mean(axis=0, dtype=np.float64)
    values, vectors = np.linalg.eigh(np.cov(X.T.astype(np.float64)))
    kept = np.ones(len(values))
    if n_latents:
        kept[-n_latents:] = np.maximum(values[-n_latents:], 1.0)
    scores = (unseen - mean) @ vectors
    return float(-0.5 * (np.log(2.0 * np.pi * kept).sum() + (scores**2 / kept).sum(axis=1).mean()))
