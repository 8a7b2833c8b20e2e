r"""The Zeeman diagram: levels of a latent space against the strength of the perturbation that the data are.

Two paths of densities q_l, and of H_l = -1/2 lap + (lap sqrt q_l)/(2 sqrt q_l):

    prior to data    q_l = (1 - l) p + l q,  p = N(0, 1):  A(l) = A_p + l (A_q - A_p), B(l) likewise, linear in l;
    sharpening       q_l(z) = 1/N sum_i N(z; mu_i, (1 - l)^2 Sigma_i): aggregated posterior to posterior means.

At l = 0 the first path starts from the oscillator, levels 0, 1/2 (d-fold), 1, ...: the prior's O(d) symmetry is a
degeneracy, and the data lift it. Its perturbation series begins with principal components: on the d-fold level

    E^(1) = -(eig E_q[z z^T] - 1) / 2,

and third and fourth moments, the contrasts of independent components, enter at second order.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.exceptions import ConvergenceWarning
from sklearn.mixture import GaussianMixture

from zeeman.base.brief import brief
from zeeman.base.random import stream
from zeeman.hamiltonians import (
    HermitePolynomials,
    NormalizedGaussians,
    NormalizedMixture,
    Series,
    Union,
    expand,
    landmarks,
    prior_points,
    rayleigh_ritz,
    ritz,
)
from zeeman.spectrum.resolution import neighbour_distance

__all__ = ["PATHS", "Diagram", "broadened", "few_landmarks", "prior_path", "sharpening_path"]

PATHS = ("prior", "sharpening")
_PRIOR_POINTS, _IN_FEW_DIMENSIONS = 65_536, 262_144  # more where they are cheap and steps are sharp
_MOST_POLYNOMIALS = 160
_MOST_DEGREE = 6
_FEW_LANDMARKS, _FEW_WIDTH = 40, 2.0
_STEP = 0.4
_UNRESOLVED = 1e-5  # of the largest overlap under the prior
_NEARLY_EQUAL = 0.05  # levels of the prior this near are one multiplet: quadrature splits them by less
_COMPONENTS, _MOST_JUDGED = (1, 2, 4, 8), 6_000  # mixtures that bound KL(q_0 || p), and draws
_DRAWS, _MOST_DRAWN = 4, 40_000


@brief
@dataclass(frozen=True)
class Diagram:
    """Levels against the strength l.

    Attributes
    ----------
    path : str
        "prior" or "sharpening".
    strength : ndarray, (point,)
        l from 0 to 1.
    energies : ndarray, (point, state)
        Rayleigh-Ritz levels of q_l, ascending, in units of length^-2; nan where the samples resolve no more.
    series : mapping of int to ndarray
        Order -> (point, state): partial sums of the perturbation series about l = 0 ("prior" only), nearly degenerate
        levels diagonalised together.
    first_order : ndarray, (latent,), or None
        Slopes of the d-fold first level at l = 0, -(eig E_q[z z^T] - 1)/2: principal components ("prior" only).
    multiplets : list of tuple of int
        First and last state of the levels that are one at l = 0.
    separability : ndarray, (state, state), or None
        c_nm, the weight of the unperturbed state m in state n per unit of l, <m|H_1|n> / (E_n - E_m) across multiplets
        and 0 inside them ("prior" only; paper 000).
    notes : mapping
        What the path starts from: "multiplet_width", the spread of the first d levels at l = 0, and "kl" =
        KL(q_0 || p) in nats, q_0 the population's aggregated posterior, from below (held-out mixtures).
    """

    path: str
    strength: NDArray[np.float64]
    energies: NDArray[np.float64]
    multiplets: list[tuple[int, int]]
    series: Mapping[int, NDArray[np.float64]] = field(default_factory=dict)
    first_order: NDArray[np.float64] | None = None
    separability: NDArray[np.float64] | None = None
    notes: Mapping[str, Any] = field(default_factory=dict)


def prior_path(
    Z: NDArray[np.float64], basis: Any, n_states: int, *, n_points: int = 33, order: int = 3, seed: int = 0
) -> Diagram:
    """Levels from the prior N(0, 1) to the density of `Z`, exact (Ritz) and by the perturbation series.

    Both densities are read in one basis: Hermite polynomials, which are the prior's own states, and those of the data.

    Parameters
    ----------
    Z : ndarray, (sample, latent)
        Posterior means, in units of the prior's standard deviation and about its mean.
    basis : SampleBasis
        Functions that resolve the data.
    n_states, n_points : int
    order : int
        Highest order of the series.
    """
    dim = Z.shape[1]
    both = Union(HermitePolynomials(dim, _degree(dim)), basis)
    A_p, B_p = both.forms(_prior(dim, seed))
    A_q, B_q = both.forms(Z)
    resolved = _resolved(B_p)
    constant: NDArray[np.float64] = resolved.T @ B_p @ both.constant  # its combination, orthonormal under the prior
    A_p, B_p, A_q, B_q = (resolved.T @ form @ resolved for form in (A_p, B_p, A_q, B_q))
    strength = np.linspace(0.0, 1.0, n_points)
    exact = np.array([
        _levels((1 - s) * A_p + s * A_q, (1 - s) * B_p + s * B_q, n_states, constant) for s in strength
    ])  # fmt: skip
    known = min(n_states, len(A_p))  # a basis of one dimension has few functions
    series = expand([A_p, A_q - A_p], [B_p, B_q - B_p], order, known, gap=_NEARLY_EQUAL)
    missing = ((0, 0), (0, n_states - known))
    spread = np.sort(np.linalg.eigvalsh(Z.T @ Z / len(Z)))[::-1]
    multiplets = [(int(b[0]), int(min(b[-1], n_states - 1))) for b in series.blocks if b[0] < n_states]
    return Diagram(
        "prior", strength, exact, multiplets,
        series={
            k: np.pad(np.asarray(series.at(strength, k), dtype=np.float64), missing, constant_values=np.nan)
            for k in range(1, order + 1)
        },
        first_order=-(spread - 1.0) / 2.0,
        separability=_separability(series, B_p),
        notes={"kl": 0.0, "multiplet_width": _width(exact[0], dim)},
    )  # fmt: skip


def sharpening_path(
    Z: NDArray[np.float64], scale: NDArray[np.float64], sets: Any, n_states: int, *, n_points: int = 17, seed: int = 0
) -> Diagram:
    """Levels from the aggregated posterior to the density of posterior means.

    Noise draws and functions are the same all along the path: samples are mu_i + (1 - l) sigma_i noise, and landmarks
    lie where the samples of any strength do. At l = 1 the exact density of N points has N zero levels: what is meant is
    the population's, and the finite basis regularises.

    Parameters
    ----------
    Z, scale : ndarray, (sample, latent)
        Means and standard deviations of q(z|x).
    sets : SampleBasis or None
        Functions that tell the sets of the data apart, beside the landmarks.
    """
    rng = stream(seed, "sharpening")
    draws = max(1, min(_DRAWS, _MOST_DRAWN // len(Z)))
    noise = np.tile(scale, (draws, 1)) * rng.standard_normal((draws * len(Z), Z.shape[1]))
    means = np.tile(Z, (draws, 1))
    strength = np.linspace(0.0, 1.0, n_points)
    every = np.concatenate([Z + (1.0 - s) * noise[: len(Z)] for s in (0.0, 0.5, 1.0)])
    basis: Any = few_landmarks(every, seed)
    if sets is not None:
        basis = Union(sets, basis)
    exact = [ritz(means + (1.0 - s) * noise, basis, n_states) for s in strength]
    energies = np.array([_padded(levels.energies, n_states) for levels in exact])
    dim = Z.shape[1]
    return Diagram(
        "sharpening", strength, energies, _multiplets(energies[0]),
        notes={"kl": _divergence(Z, scale, rng), "multiplet_width": _width(energies[0], dim)},
    )  # fmt: skip


def few_landmarks(Z: NDArray[np.float64], seed: int) -> NormalizedGaussians:
    """A coarse basis for data of any shape: where the prior has samples and the data none, fine functions only err."""
    centers = landmarks(Z, min(_FEW_LANDMARKS, len(Z) // 10 + 2), seed)
    return NormalizedGaussians(centers, _FEW_WIDTH * neighbour_distance(centers))


def broadened(sets: NormalizedMixture) -> NormalizedMixture:
    """The sets' functions with steps that samples of the prior resolve: covariances + 0.4^2, in the prior's units."""
    wide = sets.covariances + _STEP**2 * np.eye(sets.means.shape[1])
    return NormalizedMixture(sets.shares, sets.means, wide, sets.widths)


def _prior(dim: int, seed: int) -> NDArray[np.float64]:
    """Points of the prior whose first, second and odd moments are exact, so that its first level is d-fold."""
    z = prior_points(dim, (_IN_FEW_DIMENSIONS if dim <= 3 else _PRIOR_POINTS) // 2, seed)
    z = np.concatenate([z, -z])
    return z @ np.linalg.inv(np.linalg.cholesky(z.T @ z / len(z))).T


def _degree(dim: int) -> int:
    """Highest total degree, at most 6, with at most 160 polynomials (1 where even the quadratic ones are more)."""
    fitting = [k for k in range(1, _MOST_DEGREE + 1) if _count(dim, k) <= _MOST_POLYNOMIALS]
    return max(fitting, default=1)


def _count(dim: int, degree: int) -> float:
    return float(np.prod([(dim + j) / j for j in range(1, degree + 1)]))


def _resolved(B: NDArray[np.float64]) -> NDArray[np.float64]:
    """Combinations of functions that the prior tells apart, (function, combination)."""
    size = np.sqrt(np.maximum(np.diag(B), np.finfo(float).tiny))
    values, vectors = np.linalg.eigh(B / np.outer(size, size))
    kept = values > _UNRESOLVED * values[-1]
    return vectors[:, kept] / np.sqrt(values[kept]) / size[:, None]


def _levels(
    A: NDArray[np.float64], B: NDArray[np.float64], n_states: int, ground: NDArray[np.float64]
) -> NDArray[np.float64]:
    # functions that vanish on the data drop out as l -> 1
    return _padded(rayleigh_ritz(A, B, n_states, ground=ground).energies, n_states)


def _padded(energies: NDArray[np.float64], n_states: int) -> NDArray[np.float64]:
    return np.append(energies, np.full(n_states - len(energies), np.nan))


def _separability(series: Series, B: NDArray[np.float64]) -> NDArray[np.float64]:
    """First order of every state on the unperturbed ones of other multiplets, (state, state)."""
    zeroth, first = series.states[0], series.states[1]
    coefficients = (zeroth.T @ B @ first).T
    for block in series.blocks:
        inside = block[block < len(coefficients)]
        coefficients[np.ix_(inside, inside)] = 0.0
    return coefficients


def _multiplets(energies: NDArray[np.float64]) -> list[tuple[int, int]]:
    """Runs of levels whose neighbours lie within a fifth of the mean spacing, at least 0.05."""
    energies = energies[np.isfinite(energies)]
    near = max(_NEARLY_EQUAL, 0.2 * energies[-1] / max(1, len(energies) - 1))
    starts = np.flatnonzero(np.diff(energies) >= near) + 1
    return [(int(part[0]), int(part[-1])) for part in np.split(np.arange(len(energies)), starts)]


def _width(energies: NDArray[np.float64], dim: int) -> float:
    first = energies[1 : dim + 1][np.isfinite(energies[1 : dim + 1])]
    return float(np.ptp(first)) if len(first) else 0.0


def _divergence(Z: NDArray[np.float64], scale: NDArray[np.float64], rng: np.random.Generator) -> float:
    """KL(q_0 || p) in nats from below: E ln q_fit - E ln p over held-out draws of q_0, the best of p and mixtures.

    E_q0 ln q_fit <= E_q0 ln q_0 for any density q_fit, so no fit can claim too much.
    """
    chosen = rng.permutation(len(Z))[:_MOST_JUDGED]
    z = Z[chosen] + scale[chosen] * rng.standard_normal((len(chosen), Z.shape[1]))
    train, test = z[::2], z[1::2]
    most = max(1, len(train) // (4 * (Z.shape[1] + 1)))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        fits = [
            GaussianMixture(k, reg_covar=1e-4, random_state=int(rng.integers(2**31))).fit(train)
            for k in _COMPONENTS
            if k <= most
        ]
    log_prior = -0.5 * (test**2).sum(axis=1).mean() - 0.5 * Z.shape[1] * np.log(2.0 * np.pi)
    return float(max(log_prior, *(fit.score(test) for fit in fits)) - log_prior)
