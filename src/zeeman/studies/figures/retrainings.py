"""Paper 000, Fig. 1: retrainings of one data set, degenerate before, one spectrum after.

Every data set is trained several times with nothing but the seed changed. A measure m of agreement of two trainings is
1 where they are the same; the degeneracy it sees is 1 - m, of which a frame removes

    reduction = 1 - (1 - m_after) / (1 - m_before):   1 all of it, 0 nothing, below 0 the frame does harm.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from zeeman.replicas.degeneracy import COLUMNS
from zeeman.studies.figures._classes import class_counts, is_small, trained_classes
from zeeman.studies.figures._retrainings_claims import REDUCTIONS, claims
from zeeman.studies.figures._retrainings_drawing import draw
from zeeman.studies.figures._retrainings_pieces import FRAMES, prior_alone, read_retrainings
from zeeman.studies.figures.claims import Numbers
from zeeman.studies.figures.shelf import Shelf
from zeeman.studies.figures.sizes import Size

__all__ = ["CAPTION", "CLAIMS", "TITLE", "compute", "draw"]

TITLE = "Retrainings of one data set: degenerate before, one spectrum after"
CAPTION = (
    "Gaussian classes in 30 columns, trained with d_z = 5 several times; only the seed differs. (a) First two latents "
    "of three trainings, coloured by class, k = 3. (b) The same samples in the first two lifted coordinates. (c) From "
    "the prior, whose first level is 5-fold, to the data: the ten lowest levels of all trainings drawn over one "
    "another; the k lowest in colour. (d) Their levels, with the sampling errors of single trainings. (e) What is "
    "missing to agreement, in order, of all pairs of trainings, all data sets, by frame; open marks see paired "
    "samples; 'as printed' and |z|: one number a sample, the energy of paper 000's objective and the radius; band: an "
    "exact copy, rotated. (f) Share of the degeneracy that the spectrum, principal components and random frames of as "
    "many axes remove, by measure; marks are data sets, and what lies below -1 is drawn there."
)
CLAIMS = claims()
_DRAWN = 3  # classes of the data set whose planes are drawn
_SHOWN = 700  # samples drawn, and trainings
_PLANES = 3


def compute(size: Size, shelf: Shelf) -> Numbers:
    """Train, read and compare; one value of every claim a seed, of the data set that serves it worst."""
    counts = (_DRAWN,) if is_small(size) else class_counts(size)
    jobs = [(seed, k) for seed in size.seeds for k in counts]
    read = {job: read_retrainings(job[1], job[0], size, shelf) for job in shelf.each(jobs, "retrainings (seed, k)")}
    sets = [[read[seed, k] for k in counts] for seed in size.seeds]
    numbers: dict[str, NDArray] = {
        "frames": np.array(FRAMES), "measures": np.array(COLUMNS), "n_classes": np.array(counts),
        "values": _stack(sets, "values"), "energies": _stack(sets, "energies"), "errors": _stack(sets, "errors"),
        "draws.rotation": _stack(sets, "null.rotation"), "draws.permuted": _stack(sets, "null.permuted"),
        "draws.frame": _stack(sets, "null.frame"), "found": _stack(sets, "found"),
    }  # fmt: skip
    numbers |= _reductions(numbers) | _agreements(sets, numbers) | _energies(sets, counts, numbers)
    numbers |= _likelihoods(size, counts, shelf) | _splitting(sets, size, shelf)
    return numbers | _shown(sets[0][counts.index(_DRAWN)], trained_classes(_DRAWN, size.seeds[0], size, shelf))


def _stack(sets: Sequence[Sequence[Numbers]], name: str) -> NDArray:
    """One array of all data sets, (seed, k, ...)."""
    return np.array([[one[name] for one in row] for row in sets])


def _frame(numbers: Numbers, frame: str) -> NDArray[np.float64]:
    """Agreement in a frame, mean over pairs: (seed, k, measure)."""
    return numbers["values"][:, :, FRAMES.index(frame)].mean(axis=-1)


def _reductions(numbers: Numbers) -> dict[str, NDArray]:
    """Share of the degeneracy removed, by measure: the claim, principal components, random frames."""
    left = 1.0 - _frame(numbers, "raw")
    by_spectrum, by_pca = (1.0 - (1.0 - _frame(numbers, frame)) / left for frame in ("energies", "PCA"))
    by_chance = 1.0 - (1.0 - numbers["draws.frame"]) / left[..., None]  # (seed, k, measure, draw)
    found = {"reduction": np.stack([by_spectrum, by_pca, by_chance.mean(axis=-1)])}  # (frame, seed, k, measure)
    for name, measure in REDUCTIONS.items():
        m = COLUMNS.index(measure)
        found[f"claim.{name}"] = by_spectrum[:, :, m].min(axis=1)
        found[f"baseline.{name}"] = by_pca[:, :, m].min(axis=1)
        found[f"null.{name}"] = by_chance[:, :, m].ravel()
    return found


def _agreements(sets: Sequence[Sequence[Numbers]], numbers: Numbers) -> dict[str, NDArray]:
    """Agreement in order, before, after and beside every cheap frame; of the sets found; of the printed energies."""
    order, matched = COLUMNS.index("ordered_correlation"), COLUMNS.index("matched_correlation")
    raw, ours, theirs = (_frame(numbers, frame)[:, :, order] for frame in ("raw", "energies", "Procrustes"))
    cheap = np.array([_frame(numbers, frame)[:, :, order] for frame in ("PCA", "ICA", "Procrustes", "relative")])
    matching = _frame(numbers, "raw")[:, :, matched]
    sets_found, printed = _stack(sets, "cluster_ari").mean(axis=-1), _stack(sets, "printed")
    removed = 1.0 - (1.0 - printed.mean(axis=-1)) / (1.0 - raw[..., None])
    return {
        "claim.raw_in_order": raw.max(axis=1), "null.raw_in_order": numbers["draws.rotation"][:, :, order].ravel(),
        "baseline.raw_in_order": matching.max(axis=1),
        "claim.after_in_order": ours.min(axis=1), "baseline.after_in_order": theirs.min(axis=1),
        "null.after_in_order": numbers["draws.frame"][:, :, order].ravel(),
        "claim.over_cheap": (ours - np.maximum(cheap.max(axis=0), matching)).min(axis=1),
        "claim.same_sets": sets_found[..., 0].min(axis=1), "baseline.same_sets": sets_found[..., 1].min(axis=1),
        "null.same_sets": _stack(sets, "cluster_null").ravel(),
        "claim.reduction_printed": removed[..., 0].min(axis=1),
        "baseline.reduction_printed": removed[..., 1].min(axis=1),
        "null.reduction_printed": removed[..., 2].ravel(),
        "printed": printed,
    }  # fmt: skip


def _energies(sets: Sequence[Sequence[Numbers]], counts: Sequence[int], numbers: Numbers) -> dict[str, NDArray]:
    """Relative spread of E_1 .. E_{k-1} over trainings, and over their sampling errors; medians over levels and k."""
    medians = []
    for row in sets:
        spreads = np.concatenate([_spreads(k, one) for k, one in zip(counts, row, strict=True)], axis=1)
        medians.append(np.median(spreads, axis=1))
    of_levels, of_errors, of_variances = np.array(medians).T
    return {
        "claim.energies_spread": of_levels, "baseline.energies_spread": of_variances, "claim.energies_error": of_errors,
    }  # fmt: skip


def _spreads(k: int, read: Numbers) -> NDArray[np.float64]:
    """Spread of the k - 1 low levels, the same over sampling errors, spread of the leading variances: (3, level)."""
    levels, errors, variances = read["energies"][:, 1:k], read["errors"][:, 1:k], read["variances"][:, : k - 1]
    sd = levels.std(axis=0, ddof=1)
    return np.array([sd / levels.mean(axis=0), sd / errors.mean(axis=0), variances.std(0, ddof=1) / variances.mean(0)])


def _likelihoods(size: Size, counts: Sequence[int], shelf: Shelf) -> dict[str, NDArray]:
    """Range of held-out ln p over trainings, in units of what a training gains over no latent at all."""
    ranges, linear, trained_ln_p = [], [], []
    for seed in size.seeds:
        trained = [trained_classes(k, seed, size, shelf) for k in counts]
        ln_p = np.array([one["log_likelihood"] for one in trained])
        nothing, pca = (np.array([float(one[name]) for one in trained]) for name in ("ln_p_mean", "ln_p_linear"))
        gain = ln_p.mean(axis=1) - nothing
        ranges.append(float((np.ptp(ln_p, axis=1) / gain).max()))
        linear.append(float(((ln_p.mean(axis=1) - pca) / gain).min()))
        trained_ln_p.append(ln_p)
    return {
        "claim.equal_likelihood": np.array(ranges), "baseline.equal_likelihood": np.array(linear),
        "log_likelihood": np.array(trained_ln_p),
    }  # fmt: skip


def _splitting(sets: Sequence[Sequence[Numbers]], size: Size, shelf: Shelf) -> dict[str, NDArray]:
    """(E_5 - E_1) / E_5 of the prior's five-fold level at the end of the path, and for samples of the prior itself."""
    ends = _stack(sets, "path")[:, :, :, -1]  # (seed, k, replica, state)
    null = np.array([prior_alone(seed, size, shelf)["energies"] for seed in size.seeds])
    return {"claim.splitting": _split(ends).mean(axis=-1).min(axis=1), "null.splitting": _split(null)}


def _split(energies: NDArray[np.float64]) -> NDArray[np.float64]:
    return (energies[..., 5] - energies[..., 1]) / energies[..., 5]


def _shown(read: Numbers, trained: Numbers) -> dict[str, NDArray]:
    """A few samples of the drawn data set, its levels along the path, and which of the data sets it is."""
    some = slice(0, _SHOWN)  # rows are in random order
    return {
        "drawn.k": np.array(_DRAWN), "drawn.labels": trained["labels"][some].astype(np.int8),
        "drawn.raw": trained["codes"][:_PLANES, some, :2].astype(np.float32),
        "drawn.lifted": read["coordinates"][:_PLANES, some].astype(np.float32),
        "drawn.strength": read["strength"], "drawn.path": read["path"].astype(np.float32),
        "drawn.energies": read["energies"], "drawn.errors": read["errors"],
    }  # fmt: skip
