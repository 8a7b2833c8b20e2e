"""The lift: many trainings of one data set, read in one frame.

Every replica's latent space gets its own spectrum (`zeeman.spectrum`), which no rotation of its axes changes. What
remains to agree on is which sign each state has, which levels are so near that retrainings swap or mix them (blocks),
and how the clusters are numbered. Signs and rotations inside blocks are taken from a reference replica, by the samples
that both know; nothing else is aligned.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import linear_sum_assignment
from sklearn.utils.validation import check_is_fitted

from zeeman.base.brief import brief
from zeeman.base.checks import check_samples
from zeeman.base.processes import side_by_side
from zeeman.base.progress import Progress
from zeeman.base.random import entropy_of
from zeeman.base.types import Codes, Labels, Samples, Seed
from zeeman.spectrum import LatentSpectrum

__all__ = ["Lift", "as_replicas", "lift", "near_degenerate", "turned"]

_AXES = ("replica", "sample", "latent")


@brief
@dataclass(frozen=True)
class Lift:
    """R retrainings in one frame.

    Attributes
    ----------
    energies : ndarray, (replica, state)
        Ascending, energies[:, 0] = 0, in units of length^-2.
    energies_error : ndarray, (replica, state)
        Bootstrap standard errors over samples; the spread over replicas is another number.
    coordinates : ndarray, (replica, sample, state - 1)
        Canonical coordinates by energy, signs and near-degenerate blocks turned to the reference replica.
    consensus : ndarray, (sample, state - 1)
        Their mean over replicas.
    labels : ndarray, (replica, sample)
        Clusters, numbered as in the reference replica.
    consensus_labels : ndarray, (sample,)
        The label most replicas give.
    localized : ndarray, (replica, sample, n_clusters)
        Localized states, one a cluster, in the order of `labels`.
    blocks : list of tuple of int
        Excited states 1 .. n_states - 1 in runs of levels that retrainings cannot tell apart: (first, last).
    reference : int
        The replica whose states agree best with all others.
    n_clusters : int
        The number most replicas find (the smaller of two); all are read with it.
    found : ndarray, (replica,)
        The number that each replica found by itself.
    spectra : list of LatentSpectrum
    rotations : ndarray, (replica, state - 1, state - 1)
        Block-diagonal orthogonal matrices: coordinates = spectrum.transform(Z) @ rotation.
    """

    energies: NDArray[np.float64]
    energies_error: NDArray[np.float64]
    coordinates: NDArray[np.float64]
    labels: NDArray[np.integer]
    localized: NDArray[np.float64]
    blocks: list[tuple[int, int]]
    reference: int
    n_clusters: int
    found: NDArray[np.integer]
    spectra: list[LatentSpectrum] = field(repr=False)
    rotations: NDArray[np.float64] = field(repr=False)

    @property
    def n_replicas(self) -> int:
        """Number of retrainings."""
        return len(self.energies)

    @property
    def consensus(self) -> NDArray[np.float64]:
        """Mean of the coordinates over replicas, (sample, state - 1)."""
        return self.coordinates.mean(axis=0)

    @property
    def consensus_labels(self) -> Labels:
        """The label that most replicas give, (sample,); the lower number of two equally frequent ones."""
        votes = np.stack([(self.labels == c).sum(axis=0) for c in range(self.n_clusters)])
        return np.argmax(votes, axis=0)

    @property
    def energies_spread(self) -> NDArray[np.float64]:
        """Standard deviation of every level over replicas, (state,)."""
        return self.energies.std(axis=0, ddof=1) if self.n_replicas > 1 else np.full(self.energies.shape[1], np.nan)

    def transform(self, Z: ArrayLike, replica: int = 0) -> Samples:
        """Lifted coordinates of new codes `Z`, (sample, latent), of one replica: (sample, state - 1)."""
        return self.spectra[replica].transform(Z) @ self.rotations[replica]


def lift(
    codes: Codes | Sequence[ArrayLike],
    n_states: int = 10,
    *,
    n_clusters: int | None = None,
    random_state: Seed = 0,
    n_bootstrap: int = 20,
    fitted: Mapping[int, LatentSpectrum] | None = None,
    verbose: bool = False,
) -> Lift:
    """Read R retrainings in one frame.

    Each replica's spectrum is its own; the number of clusters is the one most replicas find. Neighbouring levels nearer
    than twice their uncertainty, over replicas and over samples, form a block (`near_degenerate`).

    Parameters
    ----------
    codes : Codes, or sequence of array-like (sample, latent)
        The same samples in the same order in every replica; latent dimensions may differ.
    n_states : int
        Levels, the ground state included.
    n_clusters : int, optional
        Fixes the number of clusters.
    random_state : int, Generator or None
    n_bootstrap : int
        Resamples for `energies_error`; 0 for none.
    fitted : mapping of int to LatentSpectrum, optional
        Replica -> the spectrum of its codes, where that is known already.
    verbose : bool
        Show progress.

    Returns
    -------
    Lift

    Raises
    ------
    ValueError, TypeError
        If the replicas hold different numbers of samples, or one cannot be read; if a spectrum of `fitted` is not of
        these samples and `n_states`.
    """
    replicas = as_replicas(codes)
    fitted = _of_these(fitted or {}, replicas, n_states)
    seed = entropy_of(random_state)
    settings = {"n_states": n_states, "n_bootstrap": n_bootstrap, "random_state": seed}

    def solved(Z: Samples) -> LatentSpectrum:
        return LatentSpectrum(n_clusters=n_clusters, **settings).fit(Z)

    left = [r for r in range(len(replicas)) if r not in fitted]
    with Progress(len(left), "spectra", enabled=verbose) as progress:
        for r, spec in zip(left, side_by_side(solved, [replicas[r] for r in left]), strict=True):
            fitted[r] = spec
            progress.advance()
        spectra = [fitted[r] for r in range(len(replicas))]
        found = np.array([spec.n_clusters_ for spec in spectra])
        agreed = n_clusters or int(np.argmax(np.bincount(found)))
        for r, spec in enumerate(spectra):
            if spec.n_clusters_ != agreed:
                spectra[r] = LatentSpectrum(n_clusters=agreed, **settings).fit(replicas[r])
    return _in_one_frame(replicas, spectra, agreed, found)


def near_degenerate(
    energies: NDArray[np.float64],
    errors: NDArray[np.float64] | None = None,
    n_samples: int | None = None,
    n_clusters: int = 1,
    unit: float = 0.0,
) -> list[tuple[int, int]]:
    """Runs of excited levels too near to be ordered: (first, last) states, covering 1 .. n_states - 1.

    m and m + 1 are joined if the mean of d = E_{m+1} - E_m is below 2 sqrt(var d + e_m^2 + e_{m+1}^2), with the
    variance over replicas and e the sampling errors. The variance alone misses what matters: levels repel, so the
    difference of two sorted levels stays away from zero even where their states mix. Nor can N samples tell apart what
    differs by less than one of them contributes, about E_max / N: sets with nothing between them are all at zero. Where
    there is no level above those of the sets, `unit` stands for E_max.

    Parameters
    ----------
    energies : ndarray, (replica, state)
    errors : ndarray, (replica, state), optional
        Standard errors over samples; nan where unknown.
    n_samples : int, optional
        N.
    n_clusters : int
        Levels below the gap. None is joined to one above it, if there is any height between them: the gap is there in
        every replica, however much its height varies from one to another.
    unit : float
        An energy that belongs to the size of the codes, such as 1 / (2 total variance).
    """
    apart = np.diff(energies[:, 1:], axis=1)
    variance = apart.var(axis=0, ddof=1) if len(energies) > 1 else np.zeros(apart.shape[1])
    if errors is not None:
        squared = np.nan_to_num(errors[:, 1:]).mean(axis=0) ** 2
        variance = variance + squared[1:] + squared[:-1]
    finest = max(energies[:, -1].mean(), unit) / n_samples if n_samples else 0.0
    distinct = apart.mean(axis=0) >= np.maximum(2.0 * np.sqrt(variance), finest)
    if n_clusters > 1:
        gap = slice(n_clusters - 2, n_clusters - 1)
        distinct[gap] = apart.mean(axis=0)[gap] >= finest
    starts = np.flatnonzero(distinct) + 1
    return [(int(run[0]), int(run[-1])) for run in np.split(np.arange(1, energies.shape[1]), starts)]


def as_replicas(codes: Any) -> list[NDArray[np.float64]]:
    """Codes or a sequence of arrays as a list of (sample, latent), checked, of equal numbers of samples."""
    dims = tuple(getattr(codes, "dims", _AXES))
    if dims != _AXES:
        raise ValueError(f"codes has axes {dims}, which must be {_AXES}: rename or transpose them")
    if isinstance(codes, Codes):
        parts = list(codes.mean)
    elif isinstance(codes, np.ndarray):
        if codes.ndim != 3:
            raise ValueError(
                f"codes must be (replica, sample, latent) or a sequence of (sample, latent), got shape {codes.shape}; "
                "for one latent space use LatentSpectrum, or pass [Z]"
            )
        parts = list(codes)
    elif isinstance(codes, Iterable):
        parts = list(codes)
    else:
        raise TypeError(
            f"codes must be Codes, (replica, sample, latent) or a sequence of (sample, latent), got {codes!r}; "
            "BetaVAE(n_replicas=4).fit(X).encode(X) makes them"
        )
    if not parts:
        raise ValueError("no replicas given: pass Codes, or a sequence of one array (sample, latent) a retraining")
    checked = [check_samples(Z, f"replica {r}") for r, Z in enumerate(parts)]
    counts = [len(Z) for Z in checked]
    if len(set(counts)) > 1:
        raise ValueError(
            f"the replicas hold {counts} samples: they must hold the same samples in the same order; "
            "encode one data set with every model"
        )
    return checked


def _of_these(
    fitted: Mapping[int, LatentSpectrum], replicas: list[NDArray[np.float64]], n_states: int
) -> dict[int, LatentSpectrum]:
    for r, spec in fitted.items():
        if r not in range(len(replicas)):
            raise ValueError(f"fitted holds a spectrum of replica {r}, of {len(replicas)} replicas counted from 0")
        check_is_fitted(spec)
        found, wanted = (len(spec.labels_), len(spec.energies_)), (len(replicas[r]), n_states)
        if found == wanted and not spec.is_of(replicas[r]):
            raise ValueError(f"fitted[{r}] is of other codes than its replica: fit it on these, or leave it out")
        if found != wanted:
            raise ValueError(
                f"fitted[{r}] has {found[0]} samples and {found[1]} states, but its replica has {wanted[0]} and "
                f"n_states = {wanted[1]}: fit it on these codes, or leave it out"
            )
    return dict(fitted)


def _in_one_frame(
    replicas: list[NDArray[np.float64]], spectra: list[LatentSpectrum], n_clusters: int, found: NDArray[np.integer]
) -> Lift:
    energies = np.array([spec.energies_ for spec in spectra])
    errors = np.array([spec.energies_error_ for spec in spectra])
    states = np.array([spec.transform(Z) for spec, Z in zip(spectra, replicas, strict=True)])
    unit = float(np.mean([0.5 / Z.var(axis=0).sum() for Z in replicas]))  # the same in every frame
    blocks = near_degenerate(energies, errors, len(replicas[0]), n_clusters, unit)
    reference = _medoid(states[:, :, : max(1, n_clusters - 1)])
    rotations = np.array([turned(own, states[reference], blocks) for own in states])
    localized = np.array([spec.localize(Z) for spec, Z in zip(spectra, replicas, strict=True)])
    orders = [_renumbered(spec.labels_, spectra[reference].labels_, n_clusters) for spec in spectra]
    return Lift(
        energies=energies,
        energies_error=errors,
        coordinates=states @ rotations,
        labels=np.array([order[spec.labels_] for order, spec in zip(orders, spectra, strict=True)]),
        localized=np.array([own[:, np.argsort(order)] for order, own in zip(orders, localized, strict=True)]),
        blocks=blocks, reference=reference, n_clusters=n_clusters, found=found, spectra=spectra, rotations=rotations,
    )  # fmt: skip


def _medoid(states: NDArray[np.float64]) -> int:
    """The replica whose span of states overlaps most with all others'."""
    overlaps = [[np.sum((a.T @ b / len(a)) ** 2) for b in states] for a in states]
    return int(np.argmax(np.sum(overlaps, axis=1)))


def turned(
    own: NDArray[np.float64], reference: NDArray[np.float64], blocks: list[tuple[int, int]]
) -> NDArray[np.float64]:
    """Block-diagonal orthogonal matrix that turns `own` states towards `reference` (orthogonal Procrustes)."""
    rotation = np.zeros((own.shape[1],) * 2)
    for first, last in blocks:
        inside = slice(first - 1, last)
        left, _, right = np.linalg.svd(own[:, inside].T @ reference[:, inside])
        rotation[inside, inside] = left @ right
    return rotation


def _renumbered(labels: Labels, reference: Labels, n_clusters: int) -> NDArray[np.integer]:
    """New number of each cluster, (cluster,): the matching with the most common samples."""
    common = np.zeros((n_clusters, n_clusters))
    np.add.at(common, (labels, reference), 1.0)
    own, theirs = linear_sum_assignment(-common)
    order = np.empty(n_clusters, dtype=np.int64)
    order[own] = theirs
    return order
