"""A density made of few compact sets: for every k, the states that a mixture of k Gaussians proposes.

Two families of functions compete for the states that tell the sets apart, and the variational principle decides:
normalised Gaussians at landmarks, which take any shape, and the k components of a fitted mixture, which take few
numbers. Both are judged by the held-out energy (trace over folds) of the same k states: those of the mixture, and the
k combinations of landmark states that overlap with them most. (The k lowest at the landmarks need not be the same
states: motion inside a set may cost less than crossing from one to another.)
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from zeeman.base.random import stream
from zeeman.hamiltonians import Levels, NormalizedMixture, fit_mixture, held_out_trace, rayleigh_ritz
from zeeman.spectrum.localized import localize, separation
from zeeman.spectrum.resolution import Resolution
from zeeman.spectrum.valleys import worst_dip

__all__ = ["HALVED_GAUSSIAN", "Sets", "mixture_sets", "set_levels", "split_one_of_fewer"]

HALVED_GAUSSIAN = 2.0 / np.pi
_SAMPLES_A_NUMBER = 2  # a component needs at least so many samples for each entry of its mean and axes
_DRAWS = 10
_MAX_SAMPLES, _MAX_FITTED = 3_000, 6_000


@dataclass(frozen=True)
class Sets:
    """Evidence for k sets.

    Attributes
    ----------
    basis : NormalizedMixture
        Of k components.
    kappa : float
        Separation of the cells of its k lowest states (`zeeman.spectrum.localized`).
    dip : float
        Depth of the valley between the two cells that are parted least, ln of the density less two standard errors
        (`zeeman.spectrum.valleys`).
    trace, rival : float
        Held-out energy of the k states, and of their likes at the landmarks; infinite where nothing was held out.
    """

    basis: NormalizedMixture
    kappa: float
    dip: float
    trace: float
    rival: float

    @property
    def plausible(self) -> bool:
        """Whether k sets may be there at all: more apart than a Gaussian cut in half, a valley between every two."""
        return self.kappa > HALVED_GAUSSIAN and self.dip > 0.0


def mixture_sets(
    Z: NDArray[np.float64], n_states: int, resolution: Resolution, fewest: float, seed: int, wanted: int | None = None
) -> dict[int, Sets]:
    """Evidence of mixtures for every k from 2 to `n_states` that the samples can feed; k -> `Sets`.

    Parameters
    ----------
    Z : ndarray, (sample, latent)
    n_states : int
    resolution : Resolution
        The landmarks' side, and the folds.
    fewest : float
        Samples that a cell must hold to count.
    wanted : int, optional
        The number of clusters, if it is known: then no other k is looked at.
    """
    found = {}
    if len(Z) > _MAX_FITTED:  # what proposes functions need not see every sample, but those that judge
        shuffled = stream(seed, "sets").permutation(len(Z))
        chosen = np.sort(shuffled[np.argsort(resolution.folds[shuffled] < 0, kind="stable")][:_MAX_FITTED])
        Z, resolution = Z[chosen], replace(resolution, folds=resolution.folds[chosen])
    most = len(Z) // (_SAMPLES_A_NUMBER * (Z.shape[1] + 1))
    for k in range(2, min(n_states, most) + 1):
        if wanted is not None and k != wanted:
            continue
        basis = fit_mixture(Z, k, seed)
        labels, states = _cells(basis, Z, k)
        if labels is None or np.bincount(labels, minlength=k).min() < fewest:
            continue
        evidence = Sets(basis, separation(states, labels), worst_dip(Z, labels, k), np.inf, np.inf)
        if evidence.plausible or wanted:
            trace, rival = _held_out(Z, basis, k, resolution, seed)
            evidence = replace(evidence, trace=trace, rival=rival)
        found[k] = evidence
    return found


def set_levels(
    basis: NormalizedMixture, Z: NDArray[np.float64], k: int, weights: NDArray[np.float64] | None = None
) -> Levels:
    """The k lowest levels in the functions of a mixture, the constant first."""
    return rayleigh_ritz(*basis.forms(Z, weights), k, ground=basis.constant)


def split_one_of_fewer(basis: NormalizedMixture, n_samples: int, seed: int) -> float:
    """What cutting one of k - 1 sets in two shows: median + 3 sd of kappa_k, the spread of those above the median.

    A draw in which the mixture ends in a bad optimum shows less; it says nothing of how much a cut can show.

    Parameters
    ----------
    basis : NormalizedMixture
        Of k - 1 components: samples are drawn from it (parametric bootstrap; McLachlan, Applied Statistics 36, 1987).
    n_samples : int
        As many as the data have; at most 3,000 are drawn.
    """
    rng, k, kappas = stream(seed, "null"), len(basis.means) + 1, []
    roots = np.linalg.cholesky(basis.covariances)
    shares = basis.shares / basis.shares.sum()
    for _ in range(_DRAWS):
        component = rng.choice(k - 1, size=min(n_samples, _MAX_SAMPLES), p=shares)
        noise = rng.standard_normal((len(component), basis.means.shape[1]))
        drawn = basis.means[component] + np.einsum("nab,nb->na", roots[component], noise)
        labels, states = _cells(fit_mixture(drawn, k, int(rng.integers(2**31))), drawn, k)
        if labels is not None:
            kappas.append(separation(states, labels))
    if len(kappas) < 2:
        return 1.0
    middle = np.median(kappas)
    above = np.maximum(np.array(kappas) - middle, 0.0)  # half of a symmetric spread
    return float(middle + 3.0 * np.sqrt(2.0 * (above**2).sum() / (len(kappas) - 1)))


def _cells(
    basis: NormalizedMixture, Z: NDArray[np.float64], k: int
) -> tuple[NDArray[np.integer] | None, NDArray[np.float64]]:
    """Cells, (sample,), and the k lowest states, (sample, k), in the functions of `basis`; no cells if fewer states."""
    levels = set_levels(basis, Z, k)
    states = basis.apply(Z, levels.coefficients)
    return (np.argmax(states @ localize(states), axis=1) if states.shape[1] == k else None), states


def _held_out(
    Z: NDArray[np.float64], basis: NormalizedMixture, k: int, resolution: Resolution, seed: int
) -> tuple[float, float]:
    """Mean over folds of the held-out traces of the mixture's k states and of their likes at the landmarks.

    Mixtures are fitted again to every training part.
    """
    traces, folds = [], resolution.folds
    for fold, (landmark_basis, coefficients) in enumerate(resolution.judged):
        training, test = Z[(folds >= 0) & (folds != fold)], Z[folds == fold]
        again = fit_mixture(training, k, seed, start=basis)
        levels = set_levels(again, training, k)
        if len(levels.energies) < k:
            return np.inf, np.inf
        overlap = landmark_basis.apply(training, coefficients).T @ again.apply(training, levels.coefficients)
        likes = coefficients @ np.linalg.svd(overlap, full_matrices=False)[0]
        traces.append([
            held_out_trace(levels.coefficients, *again.forms(test)), held_out_trace(likes, *landmark_basis.forms(test))
        ])  # fmt: skip
    return tuple(np.mean(traces, axis=0)) if traces else (np.inf, np.inf)
