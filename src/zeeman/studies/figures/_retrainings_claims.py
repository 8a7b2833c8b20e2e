"""What paper 000 and its review say of retrainings, as numbers with intervals that were set before any was measured."""

from __future__ import annotations

from zeeman.studies.figures.claims import Claim

__all__ = ["REDUCTIONS", "claims"]

REDUCTIONS = {
    "reduction_in_order": "ordered_correlation",
    "reduction_matched": "matched_correlation",
    "reduction_subspace": "subspace_agreement",
    "reduction_procrustes": "procrustes_r2",
    "reduction_neighbours": "mutual_neighbours",
}  # claim -> measure of `zeeman.degeneracy`
_SEEN_BY = {
    "reduction_in_order": "agreement state by state in order (near-degenerate levels as blocks)",
    "reduction_matched": "agreement of single states after the best matching and signs",
    "reduction_subspace": "mean cosine of the principal angles of the spans",
    "reduction_procrustes": "held-out R² after the best rotation",
    "reduction_neighbours": "nearest neighbours in common",
}
_WORST = "the data set (k = 2, 3, 4, 5) that serves it worst, mean over pairs of trainings"
_HALF = (
    "001 asks for any reduction; more than half of the degeneracy is asked here, which the scatter over pairs (some "
    "0.1 of 0.6) cannot make, and which leaves no doubt about the sign."
)


def claims() -> tuple[Claim, ...]:
    """Of figure 1: what is degenerate before, what is left after, and what it is worth beside cheap frames."""
    return (*_before(), *_reductions(), *_after(), *_spectra())


def _before() -> tuple[Claim, ...]:
    return (
        Claim(
            "raw_in_order", "000, Fig. 1b", "Different trainings of the same data give different embeddings.",
            f"Mean |correlation| of the latents of two trainings, axis by axis in order, 0 to 1; {_WORST}",
            "Exactly rotated copies agree at 0.37 (d = 5); 0.69 is halfway from there to 1: below it trainings are "
            "nearer to a random frame than to one frame.",
            high=0.69, baseline="the same axes after the best matching and signs", null="random rotation",
        ),
        Claim(
            "equal_likelihood", "000, Fig. 1b",
            "Comparable replicas are solutions that converged: they differ in the frame and not in how well they fit.",
            "Range over trainings of held-out ln p(x), over its gain by the latents (ln p - ln p without latents); "
            "the data set with the largest",
            "Below 5 % of what the code explains, a choice by likelihood is no cure for the degeneracy.",
            high=0.05, baseline="mean of the trainings above probabilistic PCA, in the same unit",
        ),
    )  # fmt: skip


def _reductions() -> tuple[Claim, ...]:
    return tuple(
        Claim(
            name, "001, the test that would disprove 000",
            "Running the method reduces the degeneracy: 'no reduction' would disprove the mechanism.",
            f"Share of the degeneracy removed by the spectrum, seen by {_SEEN_BY[name]}; {_WORST}",
            _HALF, low=0.5, baseline="PCA, as many axes", null="random frames of as many axes",
        )
        for name in REDUCTIONS
    )  # fmt: skip


def _after() -> tuple[Claim, ...]:
    return (
        Claim(
            "after_in_order", "000, Summary", "The perturbed system has a unique set of functions.",
            f"Agreement of the k - 1 lowest excited states of two trainings in order, 0 to 1; {_WORST}",
            "A correlation of 0.95 leaves a tenth of the variance of a state to what differs between trainings.",
            low=0.95, baseline="Procrustes, which sees paired samples", null="random frames of as many axes",
        ),
        Claim(
            "over_cheap", "001, on what the mechanism is worth",
            "The spectrum agrees at least as well as every cheap frame.",
            "Agreement in order minus that of the best of PCA, ICA, Procrustes, relative representations and matched "
            f"axes; {_WORST}",
            "Below 0 there is a cheaper cure on that data set.", low=0.0,
        ),
        Claim(
            "same_sets", "000, Summary", "Energies and functions can be used among several models: same groups.",
            f"Adjusted Rand index of the sets that two trainings find, k not told; {_WORST}",
            "At 0.9 about one sample in forty changes its set (two equal sets).",
            low=0.9, baseline="k-means, told k", null="permuted labels",
        ),
        Claim(
            "reduction_printed", "000, section 2",
            "The network trained on the objective as printed gives one spectrum for all trainings.",
            "Share of the degeneracy in order removed: correlation of its per-sample energies over trainings; "
            f"{_WORST}",
            _HALF, low=0.5, baseline="the radius |z|, which no rotation changes", null="permuted samples",
        ),
    )  # fmt: skip


def _spectra() -> tuple[Claim, ...]:
    return (
        Claim(
            "energies_spread", "000, section 1.2", "One spectrum: the energies are the same for every training.",
            "Standard deviation of E_1 .. E_(k-1) over trainings, over their mean; median over levels and data sets",
            "5 % is the goal this project set itself when prototypes had 8 %.",
            high=0.05, baseline="variances of the k - 1 leading principal components",
        ),
        Claim(
            "energies_error", "000, section 1.2", "One spectrum: what differs is sampling, not training.",
            "The same standard deviation, over the bootstrap error of one training; median over levels and data sets",
            "At most 1: other samples of the same data would change a level as much as another training does.",
            high=1.0,
        ),
        Claim(
            "splitting", "000, Fig. 1c", "The perturbation, which is the data, lifts the degeneracy of the prior.",
            "(E_5 - E_1) / E_5 of the oscillator's five-fold level at the end of the path from prior to data; the data "
            "set that is split least, mean over trainings",
            "A finite sample of the prior splits its own level (the null) by some percent; half is far beyond.",
            low=0.5, null="samples of the prior itself",
        ),
    )  # fmt: skip
