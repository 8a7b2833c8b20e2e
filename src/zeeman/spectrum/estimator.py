"""LatentSpectrum: the energies, states, coordinates and clusters of one latent space.

The density q of the codes is the squared ground state of H_q = -1/2 lap + (lap sqrt q)/(2 sqrt q). Its levels and
states do not change when the latent axes are rotated, reflected or shifted: what two trainings that differ by such a
move agree on. k levels near zero below a gap mean k sets separated in density.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, ClusterMixin, TransformerMixin
from sklearn.utils.validation import check_is_fitted, validate_data
from threadpoolctl import threadpool_limits

from zeeman.base.checks import (
    check_choice,
    check_finite,
    check_number,
    check_positive_integer,
    check_sample_axis,
    check_samples,
)
from zeeman.base.random import entropy_of, stream
from zeeman.base.types import Codes, Labels, Seed
from zeeman.hamiltonians import Shifted
from zeeman.spectrum.counting import Count, count_clusters, recount
from zeeman.spectrum.diagram import PATHS, Diagram, broadened, few_landmarks, prior_path, sharpening_path
from zeeman.spectrum.localized import localize
from zeeman.spectrum.resolution import (
    Resolution,
    Solution,
    carried_levels,
    choose_basis,
    fewest_carriers,
    nested_levels,
)
from zeeman.spectrum.sets import mixture_sets

__all__ = ["LatentSpectrum"]

_THREADS_PAY = 1_000_000  # values of Z
_DETERMINED = 0.3  # |E f^3| above which the third moment fixes the sign of a state
_OUTSIDE_PERCENTILE = 99.0


class LatentSpectrum(ClusterMixin, TransformerMixin, BaseEstimator):
    """Energy levels, states and clusters of a latent space from its samples (Rayleigh-Ritz).

    Solves A c = E B c with A_ij = 1/2 E_q[grad p_i . grad p_j], B_ij = E_q[p_i p_j] in functions p_j of two kinds:
    normalised Gaussians at k-means landmarks, of the width with the lowest held-out energy, and for the k states that
    tell k sets apart the responsibilities of a fitted mixture, where these have the lower held-out energy. No step
    depends on the axes: energies are the same for Z and Z @ Q, Q orthogonal (they scale as length^-2).

    Parameters
    ----------
    n_states : int
        Levels to find, the ground state (energy 0, constant) included.
    n_clusters : int, optional
        Fixes the number of clusters; found by the rule below if not given.
    random_state : int, Generator or None
        Seed of the landmarks, folds, nulls and resamples.
    n_landmarks : int, optional
        Landmarks M; by default min(300, sample / 10), at least 4 n_states.
    width : float, optional
        Width of the Gaussians in units of the median distance between neighbouring landmarks; by default the one of
        lowest held-out energy.
    n_bootstrap : int
        Resamples for `energies_error_` and `n_clusters_frequency_`; 0 for none.

    Attributes
    ----------
    energies_ : ndarray, (n_states,)
        Ascending, energies_[0] = 0, in units of the inverse squared length of the latent space.
    energies_error_ : ndarray, (n_states,)
        Bootstrap standard errors over samples; the spread over retrainings is another number (`zeeman.lift`).
    n_clusters_ : int
        Largest k whose k sets are separated: separation_[k] above separation_threshold_[k], and a valley between every
        two (`zeeman.spectrum.counting` has the rule); 1 if there is none.
    n_clusters_frequency_ : dict
        Share of the bootstrap resamples that find each k.
    separation_ : dict
        kappa_k for k = 2 .. n_states: the smallest eigenvalue of the between-cell covariance of the whitened states
        f_1 .. f_{k-1}; 1 for sets with nothing between them, 2/pi for a Gaussian and 8/pi^2 = .81 for an even sheet cut
        in half. Below .85 sheets, rings and arcs cannot be told from sets.
    separation_threshold_ : dict
        For every k what kappa_k must exceed: nulls are drawn where they decide, elsewhere 2/pi stands.
    valley_ : dict
        For every k, the density halfway between the two cells parted least, over that at their sides; 1 or more: none.
    labels_ : ndarray, (sample,)
        Clusters of the training samples, 0 the most populated.
    signs_ : tuple of str
        For every excited state "skewness" where E f^3 fixes its sign, "undetermined" where it does not.
    localized_energies_ : ndarray, (n_clusters_,)
        Energies of the localized states (`localize`), one a cluster.
    couplings_ : ndarray, (n_clusters_, n_clusters_)
        The Hamiltonian of the n_clusters_ lowest states between localized ones; off the diagonal, what moves between
        two clusters. Small: hard to cross.
    basis_, coefficients_ : SampleBasis; ndarray, (function, n_states)
        f_m(z) = sum_j coefficients_[j, m] basis_(z - center_)[j].
    landmarks_, width_ : NormalizedGaussians, float
        The landmarks' part of the basis, and its width in units of the distance between neighbouring landmarks.
    held_out_ : dict
        Held-out energies of every number of landmarks and width that was tried.
    center_ : ndarray, (latent,)
        Mean of the training samples.
    outlier_states_ : list of dict
        States set aside because they live on a few isolated samples: their energies and sample counts.
    inner_states_ : list of dict
        States set aside because they move inside a set at less than it costs to part all sets: their energies.

    References
    ----------
    Huang, Hu, Yang, *Learning disentangled representation for classical models*, for the codes of spin models.
    Andres-Terre, Lio, *Perturbation theory approach to study the latent space degeneracy of variational
    autoencoders*, arXiv:1907.05267, for the idea; H_q in place of its potential.

    Examples
    --------
    >>> import numpy as np
    >>> rng = np.random.default_rng(0)
    >>> Z = np.concatenate([rng.normal(-3, 1, (500, 2)), rng.normal(3, 1, (500, 2))])
    >>> LatentSpectrum(n_states=4, random_state=0).fit(Z).n_clusters_
    2
    """

    def __init__(
        self,
        n_states: int = 10,
        n_clusters: int | None = None,
        random_state: Seed = None,
        *,
        n_landmarks: int | None = None,
        width: float | None = None,
        n_bootstrap: int = 20,
    ) -> None:
        self.n_states = n_states
        self.n_clusters = n_clusters
        self.random_state = random_state
        self.n_landmarks = n_landmarks
        self.width = width
        self.n_bootstrap = n_bootstrap

    def fit(self, Z: Any, y: Any = None) -> LatentSpectrum:
        """Find the levels of `Z`, (sample, latent), or of the `Codes` of one replica."""
        scale = Z.scale if isinstance(Z, Codes) else None
        Z = self._validated(Z, reset=True)
        self._scale = None if scale is None else _widths(scale, Z.shape)
        self.check_parameters(len(Z))
        self._Z = Z
        self.center_ = Z.mean(axis=0)
        # small products lose more to waking threads than they gain, most of all on a busy machine
        with threadpool_limits(1 if Z.size < _THREADS_PAY else None):
            return self._solve(Z - self.center_, entropy_of(self.random_state))

    def _solve(self, Z: NDArray[np.float64], seed: int) -> LatentSpectrum:
        resolution = choose_basis(Z, self.n_states, self.n_landmarks, self.width, seed)
        shapes = carried_levels(resolution.basis, Z, self.n_states)
        sets = mixture_sets(Z, self.n_states, resolution, fewest_carriers(len(Z)), seed, self.n_clusters)
        count = count_clusters(Z, shapes.states, shapes.levels.energies, resolution, sets, seed, self.n_clusters)
        self.n_clusters_ = count.n_clusters
        solution = self._nested(Z, resolution, count) or shapes
        if len(solution.levels.energies) < self.n_states:
            raise ValueError(
                f"only {len(solution.levels.energies)} of the n_states = {self.n_states} levels are resolved by "
                f"{len(Z)} samples with {len(resolution.basis.centers)} landmarks: lower n_states or give more "
                "(distinct) samples"
            )
        self._sets = count.compact[self.n_clusters_].basis if self.n_clusters_ in count.compact else None
        self._take(Z, solution, resolution, count)
        self._resample(Z, resolution, count, seed)
        return self

    def _nested(
        self, Z: NDArray[np.float64], resolution: Resolution, count: Count, weights: NDArray | None = None
    ) -> Solution | None:
        """Levels of the sets first, where a mixture describes them better; None where it does not."""
        k = self.n_clusters_
        if k not in count.compact:
            return None
        return nested_levels(count.compact[k].basis, k, resolution.basis, Z, self.n_states, weights)

    def _take(self, Z: NDArray[np.float64], solution: Solution, resolution: Resolution, count: Count) -> None:
        signs, self.signs_ = _signs(solution.states)
        self.basis_, self.landmarks_, self.width_ = solution.basis, resolution.basis, resolution.width
        self.energies_ = solution.levels.energies
        self.coefficients_ = solution.levels.coefficients * signs
        self.outlier_states_, self.inner_states_ = solution.outliers, solution.inner
        self.held_out_ = resolution.report
        self.separation_, self.separation_threshold_ = count.separation, count.threshold
        self.valley_ = count.valley
        self.reach_ = float(np.percentile(self.landmarks_.distance(Z), _OUTSIDE_PERCENTILE))
        self._label(solution.states * signs)

    def transform(self, Z: Any) -> NDArray[np.float64]:
        """Canonical coordinates f_1(z) .. f_{n_states-1}(z) by energy, (sample, n_states - 1).

        Over the training samples each has mean 0 and variance 1 and they are uncorrelated. Far from every landmark
        they are constant: see `is_outside`.
        """
        return self._states(Z)[:, 1:]

    def predict(self, Z: Any) -> Labels:
        """Cluster of each sample, (sample,): the largest localized state, 0 .. n_clusters_ - 1."""
        return np.argmax(self._states(Z)[:, : self.n_clusters_] @ self.rotation_, axis=1)

    def localize(self, Z: Any) -> NDArray[np.float64]:
        """Localized states, one a cluster in the order of the labels, (sample, n_clusters_).

        Each is large on its own cluster, near zero on the others, and orthonormal under the training samples.
        """
        return self._states(Z)[:, : self.n_clusters_] @ self.rotation_

    def diagram(
        self, path: str = "prior", *, n_states: int | None = None, n_points: int = 33, order: int = 3
    ) -> Diagram:
        """Levels against the strength of the perturbation that the data are: the Zeeman diagram.

        Parameters
        ----------
        path : str
            "prior": q_l = (1 - l) p + l q from the prior N(0, 1) to the density of the codes, with the perturbation
            series to order `order` beside the exact levels. "sharpening": from the aggregated posterior to the density
            of the means; needs a fit on `Codes`, which know the posterior's widths.
        n_states : int, optional
            Levels to follow, the ground state included; as many as were fitted if not given.
        n_points : int
            Strengths between 0 and 1.
        order : int
            Of the series, at least 1.

        Returns
        -------
        Diagram
        """
        check_is_fitted(self)
        check_choice(path, PATHS, "path")
        n_states = self.n_states if n_states is None else check_positive_integer(n_states, "n_states")
        check_positive_integer(n_points, "n_points", 2)
        check_positive_integer(order, "order")
        seed = entropy_of(self.random_state)
        with threadpool_limits(1 if self._Z.size < _THREADS_PAY else None):
            sets = Shifted(broadened(self._sets), self.center_) if self._sets else None
            if path == "prior":
                basis = sets or few_landmarks(self._Z, seed)
                return prior_path(self._Z, basis, n_states, n_points=n_points, order=order, seed=seed)
            if self._scale is None:
                raise ValueError(
                    "path='sharpening' needs the widths of the posteriors: fit on Codes (BetaVAE.encode), "
                    "not on an array of means"
                )
            return sharpening_path(self._Z, self._scale, sets, n_states, n_points=n_points, seed=seed)

    def is_outside(self, Z: Any) -> NDArray[np.bool_]:
        """Whether each sample is farther from the landmarks than 99 % of the training samples, (sample,)."""
        check_is_fitted(self)
        return self.landmarks_.distance(self._validated(Z, reset=False) - self.center_) > self.reach_

    def is_of(self, Z: Any) -> bool:
        """Whether these are the samples that it was fitted on, up to single precision."""
        check_is_fitted(self)
        return np.shape(Z) == self._Z.shape and np.allclose(Z, self._Z)

    def get_feature_names_out(self, input_features: Any = None) -> NDArray[np.object_]:
        """Names of the columns of `transform`: state1, state2, ..."""
        check_is_fitted(self)
        return np.array([f"state{m}" for m in range(1, len(self.energies_))], dtype=object)

    def _states(self, Z: Any) -> NDArray[np.float64]:
        check_is_fitted(self)
        return self.basis_.apply(self._validated(Z, reset=False) - self.center_, self.coefficients_)

    def _validated(self, Z: Any, *, reset: bool) -> NDArray[np.float64]:
        if isinstance(Z, Codes):
            if Z.n_replicas != 1:
                raise ValueError(
                    f"codes of {Z.n_replicas} replicas given; a spectrum is of one space: pass codes.mean[r]"
                )
            Z = Z.mean[0]
        check_sample_axis(Z, "Z")
        if not hasattr(Z, "columns"):
            Z = np.asarray(Z) if not hasattr(Z, "toarray") else Z
            if isinstance(Z, np.ndarray) and Z.dtype.kind == "f":
                check_finite(Z, "Z")
        array = validate_data(self, Z, reset=reset, dtype=np.float64, ensure_min_samples=2 if reset else 1)
        return check_samples(array, "Z", min_samples=2) if reset else array

    def check_parameters(self, n_samples: int) -> None:
        """ValueError or TypeError if these parameters cannot be used with so many samples."""
        check_positive_integer(self.n_states, "n_states", minimum=2)
        if self.n_clusters is not None:
            check_positive_integer(self.n_clusters, "n_clusters")
            if self.n_clusters > self.n_states:
                raise ValueError(
                    f"n_clusters = {self.n_clusters} needs as many states, got n_states = {self.n_states}: raise it"
                )
        if self.n_landmarks is not None:
            check_positive_integer(self.n_landmarks, "n_landmarks", minimum=2)
        check_positive_integer(self.n_bootstrap, "n_bootstrap", minimum=0)
        if self.width is not None:
            check_number(self.width, "width", positive=True)
        if n_samples <= self.n_states:
            raise ValueError(
                f"Z has n_samples = {n_samples}, too few for n_states = {self.n_states} levels: "
                f"give more samples or set n_states below {n_samples}"
            )

    def _label(self, states: NDArray[np.float64]) -> None:
        rotation = localize(states[:, : self.n_clusters_])
        labels = np.argmax(states[:, : self.n_clusters_] @ rotation, axis=1)
        order = np.argsort(-np.bincount(labels, minlength=self.n_clusters_), kind="stable")
        self.rotation_ = rotation[:, order]
        hamiltonian = self.rotation_.T @ (self.energies_[: self.n_clusters_, None] * self.rotation_)
        self.localized_energies_, self.couplings_ = np.diag(hamiltonian).copy(), hamiltonian
        self.labels_ = np.argsort(order)[labels]

    def _resample(self, Z: NDArray[np.float64], resolution: Resolution, count: Count, seed: int) -> None:
        rng, energies, counts = stream(seed, "bootstrap"), [], []
        for _ in range(self.n_bootstrap):
            times = rng.multinomial(len(Z), np.full(len(Z), 1.0 / len(Z)))
            weights = times.astype(np.float64)
            shapes = carried_levels(resolution.basis, Z, self.n_states, weights)
            solution = self._nested(Z, resolution, count, weights) or shapes
            if len(solution.levels.energies) == self.n_states:
                energies.append(solution.levels.energies)
                counts.append(recount(Z, shapes.states, times, count))
        enough = len(energies) > 1
        self.energies_error_ = np.std(energies, axis=0, ddof=1) if enough else np.full(self.n_states, np.nan)
        found, times = np.unique(counts, return_counts=True)
        self.n_clusters_frequency_ = {int(k): float(t) / len(counts) for k, t in zip(found, times, strict=True)}


def _widths(scale: Any, shape: tuple[int, ...]) -> NDArray[np.float64]:
    widths = np.asarray(scale, dtype=np.float64)
    if widths.shape != (1, *shape):
        raise ValueError(f"codes.scale must have the shape of codes.mean, {(1, *shape)}, got {widths.shape}")
    check_finite(widths[0], "codes.scale")
    if (widths < 0).any():
        raise ValueError(f"codes.scale holds {widths.min():g}: standard deviations are not negative")
    return widths[0]


def _signs(states: NDArray[np.float64]) -> tuple[NDArray[np.float64], tuple[str, ...]]:
    """Signs (state,) that make the third moments positive; for every excited state, whether those determine it."""
    moments = np.mean(states**3, axis=0)
    origin = tuple("skewness" if abs(m) > _DETERMINED else "undetermined" for m in moments[1:])
    return np.where(moments < 0, -1.0, 1.0), origin
