"""How finely the samples can be read: landmarks, width, and the states that only isolated samples make.

The width (and the number of landmarks) with the lowest held-out energy is taken: over four folds, with landmarks from
the training part and C its k lowest states, the smallest mean of tr[(C^T B_te C)^-1 C^T A_te C].
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from zeeman.base.random import stream
from zeeman.hamiltonians import Levels, NormalizedGaussians, held_out_trace, landmarks, rayleigh_ritz

__all__ = ["carried_levels", "choose_basis", "neighbour_distance"]

_WIDTHS = (0.7, 1.0, 1.4, 2.0, 2.8)
_FOLDS = 4
_MAX_SAMPLES = 6_000  # enough to rank widths; the levels themselves use every sample
_MAX_LANDMARKS = 300
_SAMPLES_A_LANDMARK = 10
_FEWEST_CARRIERS = 30  # fewer where there are fewer than 1,500 samples: one in fifty
_SAMPLES_A_CARRIER = 50
_LANDMARKS_A_STATE = 4  # at least, or high levels are not resolved


def neighbour_distance(centers: NDArray[np.float64]) -> float:
    """Median distance from a landmark to its nearest other landmark, in units of the latent space."""
    from scipy.spatial import cKDTree

    return float(np.median(cKDTree(centers).query(centers, k=2)[0][:, 1]))


def choose_basis(
    Z: NDArray[np.float64], n_states: int, n_landmarks: int | None, width: float | None, seed: int
) -> tuple[NormalizedGaussians, float, dict[str, Any]]:
    """Return the basis, its width in units of the landmark distance, and the held-out traces that chose it."""
    most = n_landmarks or max(_LANDMARKS_A_STATE * n_states, min(_MAX_LANDMARKS, len(Z) // _SAMPLES_A_LANDMARK))
    counts = (most,) if n_landmarks else tuple(sorted({max(_LANDMARKS_A_STATE * n_states, most // 3), most}))
    widths = _WIDTHS if width is None else (float(width),)
    traces: dict[tuple[int, float], float] = {}
    if len(counts) * len(widths) > 1 and len(Z) >= _FOLDS * 2 * n_states:
        traces = _held_out(Z, n_states, counts, widths, seed)
        most, best = min(traces, key=lambda key: traces[key])
    else:
        best = widths[len(widths) // 2]
    centers = _centers(Z, most, n_states, seed)
    report = {
        "landmarks": [m for m, _ in traces], "width": [w for _, w in traces], "trace": list(traces.values())
    }  # fmt: skip
    return NormalizedGaussians(centers, best * neighbour_distance(centers)), best, report


def carried_levels(
    basis: NormalizedGaussians,
    Z: NDArray[np.float64],
    n_states: int,
    weights: NDArray[np.float64] | None = None,
) -> tuple[Levels, NDArray[np.float64], list[dict[str, float]]]:
    """The (at most) `n_states` lowest levels that more than a few samples carry, their states, and those set aside.

    The number of samples that carry f is (sum f^2)^2 / sum f^4: n for a function that is constant on n samples and
    zero elsewhere.

    Returns
    -------
    levels : Levels
        State 0 is the constant, 1, at energy 0.
    states : ndarray, (sample, n_states)
        Values f_m(z_n), orthonormal under the samples.
    outliers : list of dict
        Energy and number of carrying samples of every state below the last one kept that is left out.
    """
    fewest = min(_FEWEST_CARRIERS, len(Z) / _SAMPLES_A_CARRIER)
    levels = rayleigh_ritz(*basis.forms(Z, weights), 3 * n_states, ground=np.ones(len(basis.centers)))
    states = basis.apply(Z, levels.coefficients)
    w = np.ones(len(Z)) if weights is None else weights
    carriers = (w @ states**2) ** 2 / (w @ states**4)
    kept = np.flatnonzero(carriers >= fewest)[:n_states]
    if len(kept) < n_states:  # few samples: their highest levels live on few of them
        others = np.flatnonzero(carriers < fewest)[: n_states - len(kept)]
        kept = np.sort(np.concatenate([kept, others]))
    aside = [m for m in range(kept[-1]) if m not in kept]
    outliers = [{"energy": float(levels.energies[m]), "samples": float(carriers[m])} for m in aside]
    return Levels(levels.energies[kept], levels.coefficients[:, kept]), states[:, kept], outliers


def _centers(Z: NDArray[np.float64], count: int, n_states: int, seed: int) -> NDArray[np.float64]:
    centers = landmarks(Z, count, seed)
    if len(centers) < 2 * n_states:  # few samples: a cell of one is better than no basis
        centers = landmarks(Z, min(len(Z), max(count, 2 * n_states)), seed, min_count=1)
    if len(centers) < n_states:
        raise ValueError(
            f"Z has only {len(centers)} distinct samples, too few for n_states = {n_states} levels: lower n_states"
        )
    return centers


def _held_out(
    Z: NDArray[np.float64], n_states: int, counts: tuple[int, ...], widths: tuple[float, ...], seed: int
) -> dict[tuple[int, float], float]:
    rng = stream(seed, "folds")
    if len(Z) > _MAX_SAMPLES:
        Z = Z[rng.choice(len(Z), _MAX_SAMPLES, replace=False)]
    fold = rng.permutation(len(Z)) % _FOLDS
    traces = {(count, width): 0.0 for count in counts for width in widths}
    for part in range(_FOLDS):
        training, test = Z[fold != part], Z[fold == part]
        for count in counts:
            centers = _centers(training, count, n_states, seed)
            distance = neighbour_distance(centers)
            for width in widths:
                basis = NormalizedGaussians(centers, width * distance)
                levels = rayleigh_ritz(*basis.forms(training), n_states, ground=np.ones(len(centers)))
                trace = held_out_trace(levels.coefficients, *basis.forms(test))
                traces[count, width] += (trace if len(levels.energies) == n_states else np.inf) / _FOLDS
    return traces
