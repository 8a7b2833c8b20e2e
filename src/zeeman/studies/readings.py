"""What a trained latent space says: order parameters, the spectrum, generated samples, and PCA beside each.

For spin configurations s (sample, site...): magnetisation m = <s>, staggered magnetisation m_s = <(-1)^(x+y) s>, energy
per site in units of |J| (`zeeman.studies.weighing`).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.cluster import KMeans
from sklearn.decomposition import PCA
from sklearn.metrics import adjusted_rand_score
from sklearn.mixture import GaussianMixture

from zeeman import spins
from zeeman.base.results import Draws, Plane
from zeeman.studies.weighing import PHASES, Weighing
from zeeman.vae import BetaVAE

__all__ = [
    "alignment", "as_seen", "baseline_clusters", "correlation_matrix", "decoded_plane", "draws_by_phase", "generate",
    "order_parameters", "phases_of", "principal_components",
]  # fmt: skip

_ORDERED = 0.5  # |order parameter| above which a generated configuration counts as ordered
_SHOWN = 8


def order_parameters(X: NDArray, staggered: bool = True) -> dict[str, NDArray[np.float64]]:
    """Magnetisation of spins (sample, x, y) and, where signs can alternate, the staggered one, name -> (sample,)."""
    found = {"magnetization": np.asarray(spins.magnetization(X), dtype=np.float64)}
    if staggered:
        found["staggered_magnetization"] = np.asarray(spins.staggered_magnetization(X), dtype=np.float64)
    return found


def correlation_matrix(parameters: Mapping[str, NDArray], Z: NDArray) -> NDArray[np.float64]:
    """Absolute Pearson correlations, (order parameter, latent); 0 with an axis that is constant."""
    rows = np.stack([_standardized(values[:, None])[:, 0] for values in parameters.values()])
    return np.abs(rows @ _standardized(Z)) / len(Z)


def alignment(parameters: Mapping[str, NDArray], Z: NDArray) -> dict[str, Any]:
    """Match each order parameter to the axis it correlates with most.

    Returns
    -------
    dict
        `order_parameter_correlation` name -> |Pearson| with its axis, and `axis_crosstalk`, the largest |Pearson| of
        an order parameter with the axis of another (1 if two share an axis as equals).
    """
    matrix = correlation_matrix(parameters, Z)
    axes = matrix.argmax(axis=1)
    cross = matrix[:, axes][~np.eye(len(axes), dtype=bool)]
    return {
        "order_parameter_correlation": dict(zip(parameters, matrix.max(axis=1).tolist(), strict=True)),
        "axis_crosstalk": float(cross.max(initial=0.0)),
    }


def as_seen(vae: BetaVAE, X: NDArray) -> NDArray:
    """Return X as an encoder sees angles, (cos x, sin x), so that PCA competes on the same numbers; else as it is."""
    if vae.likelihood_ != "von_mises":
        return X
    return np.stack([np.cos(X), np.sin(X)], axis=-1)


def principal_components(X: NDArray, n_components: int) -> NDArray[np.float64]:
    """Scores of the same samples on as many principal components as the code has latents, at least two columns."""
    flat = X.reshape(len(X), -1).astype(np.float64)
    kept = min(max(n_components, 2), *flat.shape)
    scores = PCA(kept, random_state=0).fit_transform(flat)
    return np.pad(scores, ((0, 0), (0, max(0, 2 - kept))))  # one column has one component; pictures want a plane


def baseline_clusters(Z: NDArray, truth: NDArray, seed: int) -> dict[str, float]:
    """ARI against the truth of k-means and of a Gaussian mixture in the same space, both told the true number."""
    k = len(np.unique(truth))
    seed %= 2**32
    kmeans = KMeans(k, n_init=10, random_state=seed).fit_predict(Z)
    mixture = GaussianMixture(k, n_init=3, random_state=seed).fit_predict(Z)
    return {
        "kmeans": float(adjusted_rand_score(truth, kmeans)),
        "gaussian_mixture": float(adjusted_rand_score(truth, mixture)),
    }


def decoded_plane(vae: BetaVAE, Z: NDArray, points: int = 13) -> Plane:
    """Decoded means over the rectangle that holds 99.8 % of the codes in each direction, with a margin of a tenth."""
    low, high = np.quantile(Z, [0.001, 0.999], axis=0)
    margin = 0.1 * (high - low)
    x, y = (np.linspace(low[i] - margin[i], high[i] + margin[i], points) for i in range(2))
    grid = np.stack(np.meshgrid(x, y), axis=-1).reshape(-1, 2)
    p: Any = vae.decode(grid)
    means = p.mean.numpy()
    if vae.likelihood_ == "von_mises":  # a direction alone does not say whether there is one
        resultant = p.base_dist.resultant.numpy()
        means = np.stack([resultant * np.cos(means), resultant * np.sin(means), 0 * means], axis=-1)
    values = "vectors" if vae.likelihood_ in ("von_mises", "von_mises_fisher") else "numbers"
    return Plane(x, y, means.reshape(points, points, *means.shape[1:]), values)


def generate(vae: BetaVAE, n: int, dtype: Any) -> NDArray:
    """Return `n` samples of the model, z from the prior and x from the decoder, in the coding of the data."""
    return np.asarray(vae.sample(n)).astype(dtype)


def draws_by_phase(X: NDArray, phases: NDArray[np.str_], weighing: Weighing, *, recorded: bool) -> dict[str, Draws]:
    """Some configurations of each phase and the energies per site of all.

    `recorded`: the samples are those of the data, and each has the sign of J that stands beside it, if one does; else
    that of its phase.
    """
    draws = {}
    for phase in (*PHASES, "other"):
        rows = np.flatnonzero(phases == phase)
        if len(rows):
            signs = weighing.by_phase.get(phase, 1.0)
            own = weighing.signs[rows] if recorded and weighing.signs is not None else signs
            draws[phase] = Draws(X[rows[:_SHOWN]], weighing.energies(X[rows], own))
    return draws


def phases_of(X: NDArray, weighing: Weighing) -> NDArray[np.str_]:
    """FM, AFM or the rest (PM) by the order parameters alone: |m| or |m_s| above 1/2 is ordered, (sample,)."""
    size = {name: np.abs(values) for name, values in order_parameters(X, weighing.staggered).items()}
    m, staggered = size["magnetization"], size.get("staggered_magnetization", np.zeros(len(X)))
    ordered = np.where(m >= staggered, "FM", "AFM")
    return np.where(np.maximum(m, staggered) > _ORDERED, ordered, weighing.rest)


def _standardized(Z: NDArray) -> NDArray[np.float64]:
    centred = Z.astype(np.float64) - Z.mean(axis=0, dtype=np.float64)
    spread = centred.std(axis=0)
    return np.divide(centred, spread, out=np.zeros_like(centred), where=spread > 0)
