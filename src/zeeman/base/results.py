"""What one analysis found, as plain arrays: studies fill these records, plots and the report draw them.

Nothing here computes. Axes are named at each field; `None` (or an empty dict) means "does not apply to these data",
and whatever is drawn from it is left out.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from zeeman.base.brief import brief
from zeeman.base.types import Codes, Labels, Samples

__all__ = ["Analysis", "Baseline", "Draws", "Plane", "Retrainings", "SpinSites"]


@brief
@dataclass(frozen=True)
class Plane:
    """Decoded means over a rectangular grid of a two-dimensional latent space.

    Attributes
    ----------
    x, y : ndarray, (nx,) and (ny,)
        Values of the first and second latent, ascending and evenly spaced.
    means : ndarray, (ny, nx, site...)
        Mean of `BetaVAE.decode` at (x[j], y[i]), in its units (Bernoulli: [0, 1]).
    values : {"numbers", "vectors"}
        What a site's mean is: a number, or three components on a last axis. Angles have mean vectors in the plane.
    """

    x: NDArray[np.floating]
    y: NDArray[np.floating]
    means: NDArray[np.floating]
    values: str = "numbers"


@brief
@dataclass(frozen=True)
class Draws:
    """Configurations of one phase to be shown, and the energies of many like them.

    Attributes
    ----------
    configurations : ndarray, (shown, site...)
        A few, in the units of the data (spins: -1/+1).
    energies : ndarray (drawn,), or None
        Energy per site, in |J|, of all that were drawn; the first `shown` belong to `configurations`.
    """

    configurations: NDArray
    energies: NDArray[np.floating] | None = None


@dataclass(frozen=True)
class SpinSites:
    """What the page needs to weigh a decoded configuration, s_i = 2 mean_i - 1, as spins.

    Attributes
    ----------
    bonds : ndarray, (bond, 2)
        Flat site indices of every bond, each once: energy per site = -J sum_b strength_b s_i s_j / n_sites - field m,
        the exact mean energy of a factorised decoder.
    couplings : mapping
        J of each phase name in `Analysis.phases`; 1 in phases that it does not name.
    patterns : mapping
        name -> (site...): a linear order parameter, mean_i pattern_i s_i (magnetization: ones).
    strengths : ndarray (bond,), or None
        Of every bond, in |J|; all 1 if not given.
    field : float
        In |J|, on the magnetisation m.
    about : str
        Whose Hamiltonian it is, one sentence for the reader.
    """

    bonds: NDArray[np.integer]
    couplings: Mapping[str, float]
    patterns: Mapping[str, NDArray[np.floating]]
    strengths: NDArray[np.floating] | None = None
    field: float = 0.0
    about: str = ""


@brief
@dataclass(frozen=True)
class Baseline:
    """Principal components of the same samples, the competitor in every panel.

    Attributes
    ----------
    scores : ndarray, (sample, component), at least two components
    correlations : ndarray (order parameter, component), or None
        Absolute Pearson correlations, rows in the order of `Analysis.order_parameters`.
    energies : ndarray (n_states,), or None
        Spectrum of the scores under the same estimator.
    clusters : ndarray (sample,), or None
        Labels found in the scores by the same estimator.
    """

    scores: Samples
    correlations: NDArray[np.floating] | None = None
    energies: NDArray[np.floating] | None = None
    clusters: Labels | None = None


@brief
@dataclass(frozen=True)
class Retrainings:
    """R latent spaces of the same samples, and what became of them in one frame.

    Attributes
    ----------
    spaces : sequence of ndarray, (sample, latent)
        One a retraining, as trained; latent dimensions may differ.
    names : sequence of str
        What to call each.
    lift : Lift
        Of `zeeman.replicas`; this floor does not know the class, only carries it.
    degeneracy : Degeneracy
        Of `zeeman.replicas`: the report, before and after.
    """

    spaces: Sequence[Samples]
    names: Sequence[str]
    lift: Any
    degeneracy: Any

    def __len__(self) -> int:
        return len(self.spaces)


@brief
@dataclass(frozen=True)
class Analysis:
    """One finished analysis: a data set, its trained replicas, the spectrum of the best one, and PCA beside it.

    Attributes
    ----------
    name : str
        What was analysed, as a person would say it ("Ising, 32 x 32, three phases").
    settings : mapping
        Every option of the run; shown as a table.
    notes : sequence of str
        Remarks for the reader (choices made from the data, warnings), one sentence each.
    history : mapping
        "epoch" (epoch,); "loss", "reconstruction", "kl", "validation_elbo" (epoch, replica), nats per sample
        (missing keys are left out).
    codes : Codes or None
        (replica, sample, latent), same samples as below; None if nothing was trained here.
    best_replica : int
        The replica that `transform` uses.
    Z : ndarray, (sample, latent)
        Its posterior means.
    phases, states : ndarray of str (sample,), or None
        Known labels, never seen in training: coarse (FM, AFM, PM; classes) and fine (FM+, FM-, AFM+, AFM-, PM).
    clusters : ndarray of int, (sample,)
        Found by the spectrum, 0 .. n_clusters - 1.
    n_clusters : int
    energies, energies_error : ndarray (n_states,); the error or None
        Levels of the best replica, energies[0] = 0, and their standard error (bootstrap) or spread.
    coordinates : ndarray, (sample, n_states - 1)
        Canonical coordinates, by energy.
    kappa, kappa_threshold : mapping k -> separation, and k -> the separation it must exceed; or None
    order_parameters : mapping name -> (sample,)
    correlations : ndarray (order parameter, latent), or None
        Absolute Pearson correlations, rows in the order of `order_parameters`.
    pca : Baseline or None
    plane : Plane or None
        Only for two latent dimensions.
    generated, real : mapping phase -> Draws
        Samples of the model and of the data; same keys for what stands side by side.
    spins : SpinSites or None
    metrics : mapping
        The content of metrics.json, nested.
    provenance : mapping
        Versions, machine, commit, seed, hash of the data.
    seconds : mapping stage -> float
    method : str
        What made the latent space, for legends ("β-VAE", "embedding").
    retrainings : Retrainings or None
        Several trainings in one frame; the replicas of `codes` come first, others after them.
    diagrams : mapping path -> Diagram
        Of `zeeman.spectrum`: levels against the strength of the perturbation, along "prior" and "sharpening".
    spectrum : LatentSpectrum or None
        Fitted to `Z`; this floor does not know the class, only carries it.
    """

    name: str
    codes: Codes | None
    best_replica: int
    Z: Samples
    clusters: Labels
    n_clusters: int
    energies: NDArray[np.floating]
    coordinates: Samples
    metrics: Mapping[str, Any]
    settings: Mapping[str, Any] = field(default_factory=dict)
    notes: tuple[str, ...] | list[str] = ()
    history: Mapping[str, NDArray] = field(default_factory=dict)
    phases: NDArray[np.str_] | None = None
    states: NDArray[np.str_] | None = None
    energies_error: NDArray[np.floating] | None = None
    kappa: Mapping[int, float] | None = None
    kappa_threshold: Mapping[int, float] | None = None
    order_parameters: Mapping[str, NDArray[np.floating]] = field(default_factory=dict)
    correlations: NDArray[np.floating] | None = None
    pca: Baseline | None = None
    plane: Plane | None = None
    generated: Mapping[str, Draws] = field(default_factory=dict)
    real: Mapping[str, Draws] = field(default_factory=dict)
    spins: SpinSites | None = None
    provenance: Mapping[str, Any] = field(default_factory=dict)
    seconds: Mapping[str, float] = field(default_factory=dict)
    method: str = "β-VAE"
    retrainings: Retrainings | None = None
    diagrams: Mapping[str, Any] = field(default_factory=dict)
    spectrum: Any = None

    @property
    def n_replicas(self) -> int:
        """Number of latent spaces that were read."""
        if self.retrainings is not None:
            return len(self.retrainings)
        return 1 if self.codes is None else self.codes.n_replicas

    @property
    def latent_dim(self) -> int:
        """Number of latent variables."""
        return self.Z.shape[1]
