"""Trainings on the three phases of the Ising model, one a (beta, seed), that figures 2, 3 and 4 of paper 002 share.

Data: FM, AFM and PM configurations on L x L sites (`zeeman.data.generate.three_phases`), coded 0/1; network: Table I;
Adam at the paper's rate 1e-3 from random weights. The latent frame is left free, as in the paper; turned between epochs
(`BetaVAE(frame="turned")`, what zeeman does otherwise) it stands beside. s = 2 m_k - 1 are decoded means as spins.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from zeeman.base.random import stream
from zeeman.data.generate import three_phases
from zeeman.studies.figures.claims import Numbers
from zeeman.studies.figures.shelf import Shelf
from zeeman.studies.figures.sizes import Size
from zeeman.studies.readings import alignment, decoded_plane, order_parameters
from zeeman.vae import BetaVAE

__all__ = ["BETAS", "PAPER_BETAS", "PHASES", "configurations", "kinds_of", "sweep", "trained"]

PAPER_BETAS = (1.0, 10.0, 100.0, 2000.0)
BETAS = (1.0, 10.0, 30.0, 100.0, 200.0, 300.0, 400.0, 2000.0)  # the paper's, and between: 4 lambda_max is near 313
PHASES = ("FM", "AFM", "PM", "broken")
_DRAWN = 1000  # codes from the prior
_SHOWN = 16
_KEPT = 1500  # codes kept for the scatter plots


def sweep(size: Size, shelf: Shelf, betas: Sequence[float], frame: str = "free") -> dict[float, list[Numbers]]:
    """Return the trainings of every seed at every beta, as the paper counts it, beta -> (seed,)."""
    jobs = [(beta, seed) for seed in size.seeds for beta in betas]
    done = {job: trained(size, *job, frame, shelf) for job in shelf.each(jobs, f"Ising, {frame} frame, (beta, seed)")}
    return {beta: [done[beta, seed] for seed in size.seeds] for beta in betas}


def trained(size: Size, beta: float, seed: int, frame: str, shelf: Shelf) -> Numbers:
    """Return what figures 2 to 4 read of one training.

    ``Z``, ``state`` of a part of the samples; ``means``, ``branch_x``, ``branch_z`` (state, ...) of all, states in the
    order of ``states``; ``correlation``, ``crosstalk``, ``pca_*`` of the principal components; ``rate``, ``kl``
    (latent,), ``neighbours``, ``score``; ``generated`` (16, x, y) Bernoulli means at z from the prior, ``parameters``
    (draw, 2) and ``saturation`` (draw,) of 1,000 such; ``pca_parameters``, ``pca_saturation`` of as many from the
    Gaussian of the components; ``plane``, ``plane_x``, ``plane_y`` decoded.
    """
    settings = {
        "lattice": size.lattice, "n": size.n_configurations, "epochs": size.n_epochs, "beta": beta, "seed": seed,
        "frame": frame,
    }  # fmt: skip

    def make(checkpoint: Path) -> Numbers:
        return _train(size, beta, seed, frame, checkpoint)

    return shelf.get(f"ising-beta{beta:g}-{frame}-seed{seed}", settings, make)


@lru_cache(maxsize=1)
def configurations(lattice: int, n: int, seed: int) -> tuple[NDArray[np.int8], NDArray[np.str_]]:
    """Return spins (sample, x, y) of -1/+1 and their states FM+, FM-, AFM+, AFM-, PM; the last asked for is kept."""
    ds = three_phases(lattice, n, seed)
    return ds.configuration.values, ds.state.values.astype("U4")


def kinds_of(parameters: NDArray, saturation: NDArray) -> NDArray[np.str_]:
    """Name what was generated: FM, AFM, PM or broken, (draw,).

    FM or AFM: |m| or |m_s| of the means above 1/2. PM, the paper's gray: neither, and the sites undecided, that is
    mean_k |2 m_k - 1| below 1/2. Otherwise broken: sites are decided, and neither order is there.
    """
    m, staggered = np.abs(parameters).T
    ordered = np.where(m >= staggered, "FM", "AFM")
    disordered = np.where(saturation < 0.5, "PM", "broken")
    return np.where(np.maximum(m, staggered) > 0.5, ordered, disordered)


def _train(size: Size, beta: float, seed: int, frame: str, checkpoint: Path) -> Numbers:
    X, states = configurations(size.lattice, size.n_configurations, seed)
    vae = BetaVAE(beta=size.beta(beta), network="table1", n_epochs=size.n_epochs, frame=frame, random_state=seed)
    vae.fit(X, checkpoint=checkpoint)
    codes = vae.encode(X)
    Z, scale = codes.mean[0].astype(np.float64), codes.scale[0].astype(np.float64)
    kl = 0.5 * (Z**2 + scale**2 - 1 - 2 * np.log(scale)).mean(axis=0)
    parameters = order_parameters(X)
    rng = stream(seed, "figures")
    drawn = rng.standard_normal((_DRAWN, 2))
    means = vae.decode(drawn).mean.numpy()
    names = np.unique(states)
    plane = decoded_plane(vae, Z)
    kept = rng.permutation(len(X))[:_KEPT]
    here = alignment(parameters, Z)
    return {
        "Z": Z[kept].astype(np.float32),
        "state": states[kept],
        "states": names,
        "branch_z": np.stack([Z[states == name].mean(axis=0) for name in names]),
        "branch_x": np.stack([X[states == name].mean(axis=0) for name in names]),
        "correlation": np.array(list(here["order_parameter_correlation"].values())),
        "crosstalk": here["axis_crosstalk"],
        "variance": Z.var(axis=0),
        "kl": kl,
        "rate": kl.sum(),
        "neighbours": _neighbours(Z, states),
        "score": vae.score(X),
        "order_parameters": np.stack(list(parameters.values()), axis=1)[kept].astype(np.float32),
        "generated": means[:_SHOWN].astype(np.float16),
        "parameters": _parameters_of_means(means),
        "saturation": np.abs(2 * means - 1).mean(axis=(1, 2)),
        "plane": plane.means.astype(np.float16),
        "plane_x": plane.x,
        "plane_y": plane.y,
        **_principal(X, states, names, parameters, drawn, kept),
    }


def _principal(
    X: NDArray, states: NDArray, names: NDArray, parameters: dict[str, NDArray], drawn: NDArray, kept: NDArray
) -> Numbers:
    """Two principal components as a code and as a generator: z ~ N(0, variances), mean + z . components, clipped."""
    from sklearn.decomposition import PCA

    pca = PCA(2, random_state=0).fit(X.reshape(len(X), -1).astype(np.float32))
    scores = pca.transform(X.reshape(len(X), -1).astype(np.float32)).astype(np.float64)
    spins = pca.inverse_transform(drawn * np.sqrt(pca.explained_variance_)).reshape(-1, *X.shape[1:])
    means = np.clip((spins + 1) / 2, 0, 1)
    there = alignment(parameters, scores)
    return {
        "pca_Z": scores[kept].astype(np.float32),
        "pca_branch_z": np.stack([scores[states == name].mean(axis=0) for name in names]),
        "pca_correlation": np.array(list(there["order_parameter_correlation"].values())),
        "pca_crosstalk": there["axis_crosstalk"],
        "pca_neighbours": _neighbours(scores, states),
        "pca_parameters": _parameters_of_means(means),
        "pca_saturation": np.abs(2 * means - 1).mean(axis=(1, 2)),
        "lambda_max": pca.explained_variance_[0] / 4,  # of x in 0/1
    }


def _neighbours(Z: NDArray, states: NDArray) -> float:
    """Share of the samples whose state that of most of their ten nearest codes is, five folds."""
    from sklearn.model_selection import cross_val_score
    from sklearn.neighbors import KNeighborsClassifier

    return float(cross_val_score(KNeighborsClassifier(10), Z, states, cv=5).mean())


def _parameters_of_means(means: NDArray) -> NDArray[np.float64]:
    return np.stack(list(order_parameters(2.0 * means - 1.0).values()), axis=1)
