"""EigenNet: energies and states psi_n(z) of samples, by a network trained on the Rayleigh quotient.

With psi = f psi_0 and psi_0^2 the density q of the samples, energies above the ground state of the Hamiltonian that
psi_0 is the ground state of are Dirichlet forms, E[f] = A E_q |grad f|^2 / E_q f^2 (+ E_q[V f^2] / E_q f^2): no
density estimate. The basis of the Rayleigh-Ritz method is here learned, not placed.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, ClassNamePrefixFeaturesOutMixin, TransformerMixin
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import check_is_fitted, validate_data
from torch import Tensor, nn

from zeeman.base.checks import (
    check_choice,
    check_finite,
    check_number,
    check_positive_integer,
    check_sample_axis,
    check_samples,
)
from zeeman.base.progress import Progress
from zeeman.base.random import entropy_of, stream, torch_seeded
from zeeman.base.types import Seed
from zeeman.eigennet.network import PointwiseEnergy, RayleighQuotient, StateNetwork
from zeeman.eigennet.objectives import POINTWISE, PaperBox
from zeeman.hamiltonians import Levels, held_out_trace, rayleigh_ritz
from zeeman.training import Plan, evaluating, train

__all__ = ["OBJECTIVES", "EigenNet"]

OBJECTIVES = ("rayleigh", *POINTWISE)
_STEPS = 1_500
_EPOCHS = 300  # more of them only fit the samples better
_PARTS = 4  # batches an epoch, at least: few samples are fitted within few epochs
_PORTION = 4_096  # samples evaluated at once


def _is_rayleigh(estimator: EigenNet) -> bool:
    return estimator.objective == "rayleigh"


def _is_pointwise(estimator: EigenNet) -> bool:
    return estimator.objective in POINTWISE


class EigenNet(ClassNamePrefixFeaturesOutMixin, TransformerMixin, BaseEstimator):
    """Lowest energies and states of samples by a multilayer perceptron psi_n(z).

    `objective="rayleigh"` minimises tr(B^-1 A), A_ij = A E[grad f_i . grad f_j] + E[V f_i f_j], B_ij = E[f_i f_j], over
    the span of the network's outputs, then orders the states by Rayleigh-Ritz in that span on all samples. The epoch
    with the lowest trace on held-out samples is kept: training traces only fall. Without a potential the constant is
    state 0, exactly, with energy 0. Nothing depends on the axes: one scale for all of them.

    `objective="paper"` (paper 000, as printed, N read as t) and `"corrected"` minimise an energy of each sample alone,
    E0(n) + E1(n) with n from psi(z) by an arcsin. They have no spectrum: the least energy is a function of |z| only
    (`zeeman.eigennet.pointwise_optimum`) and says nothing of clusters. `energies_` does not exist for them.

    Parameters
    ----------
    n_states : int
        Levels, the ground state included.
    objective : {"rayleigh", "paper", "corrected"}
    hidden : tuple of int
        Widths of the hidden layers (tanh).
    n_epochs : int, optional
        Passes over the training samples; as many as make 1,500 steps, at most 300, if not given.
    batch_size : int
        Samples a step, at most a quarter of the training part; small ones are biased, see `RayleighQuotient`.
    learning_rate : float
        Adam's rate at the start of a cosine.
    validation_fraction : float
        Part of the samples held out to choose the epoch, but 2 n_states or half of them at least; 0 keeps the last
        epoch and scores on the training samples.
    kinetic : float
        A of -A lap, 1/2 by convention.
    alpha, t, length : float, optional
        Of the per-sample objectives. By default length L is the largest |z| of the samples, alpha = A (pi / L)^2 (the
        level spacing of that box), and the potential gets n_states periods: t = n_states as printed (where the
        potential is sin(pi t z): half as many periods), t = n_states / L corrected.
    random_state : int, Generator or None
        Seed of the weights, of the held-out part and of the order of the samples.
    verbose : bool
        Show progress.

    Attributes
    ----------
    energies_ : ndarray, (n_states,)
        Ascending; without a potential energies_[0] = 0; with one, energies above the reference's ground state.
        On all samples: at most as good as `held_out_energies_` says.
    held_out_energies_ : ndarray, (n_states,)
        Rayleigh-Ritz in the span of the states, on the held-out samples; nan for levels that these are too few for.
    held_out_trace_ : float
        Their sum. Its population value bounds the sum of the n_states lowest energies from above (Ky Fan); it has
        chosen the epoch, hence is a little low.
    history_ : dict of ndarray, (epoch,)
        What is minimised ("trace" or "energy"), and its value on held-out samples ("validation").
    best_epoch_, interrupted_ : int, bool
    center_, scale_ : ndarray, (latent,); float
        y = (z - center) / scale goes into the network; scale is the root mean square of all coordinates.
    box_ : PaperBox
        alpha, t and L that were used (per-sample objectives).
    module_ : Module
        `.network` is f.

    References
    ----------
    Andres-Terre, Lio, *Perturbation theory approach to study the latent space degeneracy of variational autoencoders*,
    arXiv:1907.05267 (paper 000). Eigenfunctions by networks, and the bias of batches: Pfau et al., *Spectral inference
    networks*, arXiv:1806.02215.

    Examples
    --------
    >>> Z = np.random.default_rng(0).standard_normal((2000, 1))  # the oscillator: levels 0, 1/2, ...
    >>> net = EigenNet(n_states=2, n_epochs=20, random_state=0).fit(Z)
    >>> bool(abs(net.energies_[1] - 0.5) < 0.1), net.transform(Z).shape
    (True, (2000, 1))
    """

    def __init__(
        self,
        n_states: int = 4,
        objective: str = "rayleigh",
        *,
        hidden: tuple[int, ...] = (64, 64),
        n_epochs: int | None = None,
        batch_size: int = 512,
        learning_rate: float = 3e-3,
        validation_fraction: float = 0.1,
        kinetic: float = 0.5,
        alpha: float | None = None,
        t: float | None = None,
        length: float | None = None,
        random_state: Seed = None,
        verbose: bool = False,
    ) -> None:
        self.n_states = n_states
        self.objective = objective
        self.hidden = hidden
        self.n_epochs = n_epochs
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.validation_fraction = validation_fraction
        self.kinetic = kinetic
        self.alpha = alpha
        self.t = t
        self.length = length
        self.random_state = random_state
        self.verbose = verbose

    def fit(self, Z: Any, y: Any = None, *, potential: Callable[[NDArray], NDArray] | None = None) -> EigenNet:
        """Train on samples.

        Parameters
        ----------
        Z : array-like, (sample, latent)
            Of the data; or, with a potential, of the squared ground state psi_0^2 of the reference Hamiltonian.
        y : ignored
        potential : callable, optional
            V(z) added to the reference Hamiltonian: (sample, latent) to (sample,), "rayleigh" only.

        Raises
        ------
        ValueError, TypeError
            For bad samples, parameters or potentials.
        """
        self._check_parameters()
        Z = self._validated(Z, reset=True)
        if len(Z) < 2 * self.n_states:
            raise ValueError(
                f"Z has n_samples = {len(Z)}, too few for n_states = {self.n_states}: give at least {2 * self.n_states}"
            )
        if potential is not None and self.objective != "rayleigh":
            raise ValueError(f"objective={self.objective!r} has a potential of its own; use objective='rayleigh'")
        seed = entropy_of(self.random_state)
        self.potential_ = potential
        self.center_ = Z.mean(axis=0)
        self.scale_ = float(np.sqrt(np.mean((Z - self.center_) ** 2)))
        self.module_: Any = self._module(Z, seed)
        data = self._data(Z)
        training, held = self._split(len(Z), seed)
        self._train(data[training], data[held], seed)
        if self.objective == "rayleigh":
            self._order(data, data[held])
        return self

    def transform(self, Z: Any) -> NDArray[np.float64]:
        """Return f_1(z) .. f_{n_states-1}(z), (sample, n_states - 1); per-sample objectives: psi(z), (sample, 1).

        Over the fitted samples the states have mean square 1, are uncorrelated (and of mean 0, without a potential),
        with signs that make their third moments positive. They grow linearly far outside the samples.
        """
        if self.objective == "rayleigh":
            return self.states(Z)[:, 1:]
        return self._pointwise(Z, lambda batch: self.module_.psi(batch[:, :-1]))[:, None]

    @available_if(_is_rayleigh)
    def states(self, Z: Any) -> NDArray[np.float64]:
        """All states f_n(z) = psi_n / psi_0 with the ground state first, (sample, n_states)."""
        Z = self._fitted(Z)
        f = self._evaluated(self._standardised(Z), self.module_.network)
        if self.potential_ is None:
            f = np.column_stack([np.ones(len(f)), f])
        return f @ self.coefficients_

    @available_if(_is_pointwise)
    def energies_of(self, Z: Any) -> NDArray[np.float64]:
        """Energy of every sample under a per-sample objective, (sample,)."""
        return self._pointwise(Z, self.module_.energies)

    @available_if(_is_pointwise)
    def quantum_numbers(self, Z: Any) -> NDArray[np.float64]:
        """Quantum number n of every sample under a per-sample objective, (sample,)."""
        return self._pointwise(Z, self.module_.numbers)

    def score(self, Z: Any, y: Any = None) -> float:
        """Return minus what is minimised, on these samples: the trace over the states, or the mean energy."""
        batch = self._data(self._fitted(Z))
        return -self._merit(self.module_, batch)

    @property
    def _unit(self) -> float:
        """Energy of -A lap at the length `scale_`: in this unit what is minimised does not depend on the units of Z."""
        return float(self.kinetic / self.scale_**2)

    @property
    def _n_features_out(self) -> int:
        return self.n_states - 1 if self.objective == "rayleigh" else 1

    def _module(self, Z: NDArray[np.float64], seed: int) -> nn.Module:
        free = self.potential_ is not None  # the ground state is then no constant
        outputs = self.n_states - (not free) if self.objective == "rayleigh" else 1
        with torch_seeded(seed, "weights"):
            network = StateNetwork(Z.shape[1], outputs, tuple(self.hidden))
        if self.objective == "rayleigh":
            return RayleighQuotient(network, fixed_ground=not free)
        self.box_ = self._box(Z)
        return PointwiseEnergy(network, self.box_, self.objective)

    def _box(self, Z: NDArray[np.float64]) -> PaperBox:
        length = float(np.linalg.norm(Z, axis=1).max()) if self.length is None else float(self.length)
        t = self.n_states / (length if self.objective == "corrected" else 1.0) if self.t is None else float(self.t)
        box = PaperBox(self.kinetic * (math.pi / length) ** 2 if self.alpha is None else float(self.alpha), t, length)
        box.check(self.objective)
        return box

    def _split(self, n: int, seed: int) -> tuple[NDArray[np.integer], NDArray[np.integer]]:
        order = stream(seed, "held-out").permutation(n)
        if not self.validation_fraction:
            return order, order
        count = min(max(round(self.validation_fraction * n), 2 * self.n_states), n // 2)
        return order[count:], order[:count]

    def _train(self, training: Tensor, held: Tensor, seed: int) -> None:
        size = min(self.batch_size, max(len(training) // _PARTS, 2 * self.n_states), len(training))
        n_steps = len(training) // size
        n_epochs = self.n_epochs or min(math.ceil(_STEPS / n_steps), _EPOCHS)
        plan = Plan(
            noise_shape=(), term_names=self.module_.terms, n_epochs=n_epochs, batch_size=size, schedule="cosine",
            learning_rate=self.learning_rate, seed=seed, engine="apart", n_threads=1, precision="float32",
        )  # fmt: skip
        best: dict[str, Any] = {"merit": math.inf, "state": copy.deepcopy(self.module_.state_dict()), "epoch": 0}
        epoch = 0

        def validate(module: nn.Module) -> float:
            nonlocal epoch
            merit, epoch = self._merit(module, held), epoch + 1
            if merit < best["merit"] or not self.validation_fraction:
                best.update(merit=merit, state=copy.deepcopy(module.state_dict()), epoch=epoch)
            return merit

        with Progress(n_epochs * n_steps, f"{self.objective} objective", enabled=self.verbose) as progress:
            trained = train([self.module_], training.float(), plan, validate=validate, progress=progress)
        self.module_.load_state_dict(best["state"])
        self.module_.eval()
        self.best_epoch_, self.interrupted_ = best["epoch"], trained.interrupted
        units = {"trace": self._unit}
        self.history_ = {name: units.get(name, 1.0) * rows[:, 0] for name, rows in trained.history.items()}

    def _merit(self, module: Any, batch: Tensor) -> float:
        if self.objective != "rayleigh":
            with evaluating(1):
                return float(torch.cat([module.energies(part.float()) for part in batch.split(_PORTION)]).mean())
        A, B = self._forms(module, batch)
        return held_out_trace(np.eye(len(A)), A, B)

    def _order(self, data: Tensor, held: Tensor) -> None:
        """Rayleigh-Ritz in the span of the outputs: states by energy, signs by third moments."""
        A, B = self._forms(self.module_, data)
        levels = self._ritz(A, B, data)
        if len(levels.energies) < self.n_states:
            raise ValueError(
                f"only {len(levels.energies)} of the n_states = {self.n_states} states are independent on these "
                f"{len(data)} samples: lower n_states or give more (distinct) samples"
            )
        self.energies_, self.coefficients_ = levels.energies, levels.coefficients
        A, B = self._forms(self.module_, held)
        self.held_out_trace_ = held_out_trace(self.coefficients_, A, B)
        resolved = self._ritz(A, B, held).energies
        self.held_out_energies_ = np.append(resolved, np.full(self.n_states - len(resolved), np.nan))
        f = self._evaluated(data[:, :-1], self.module_.network)
        if self.potential_ is None:
            f = np.column_stack([np.ones(len(f)), f])
        third = np.mean((f @ self.coefficients_) ** 3, axis=0)
        self.coefficients_ = self.coefficients_ * np.where(third < 0, -1.0, 1.0)

    def _ritz(self, A: NDArray[np.float64], B: NDArray[np.float64], batch: Tensor) -> Levels:
        if self.potential_ is None:
            return rayleigh_ritz(A, B, self.n_states, ground=np.eye(len(B))[0], cutoff=1e-12)
        floor = self._unit * float(batch[:, -1].min())  # with V - floor >= 0 no level is below 0
        levels = rayleigh_ritz(A - floor * B, B, self.n_states, cutoff=1e-12)
        return Levels(levels.energies + floor, levels.coefficients)

    def _forms(self, module: Any, batch: Tensor) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        double = copy.deepcopy(module).double()
        with evaluating(1):
            parts = [(len(part), *double.forms(part)) for part in batch.split(_PORTION)]
        A, B = (sum(part[0] * part[i].numpy() for part in parts) / len(batch) for i in (1, 2))
        return self._unit * A, B

    @staticmethod
    def _evaluated(y: Tensor, function: Callable[[Tensor], Tensor]) -> NDArray[np.float64]:
        double = copy.deepcopy(function).double() if isinstance(function, nn.Module) else function
        with evaluating(1):
            return torch.cat([double(part) for part in y.split(_PORTION)]).numpy()

    def _pointwise(self, Z: Any, function: Callable[[Tensor], Tensor]) -> NDArray[np.float64]:
        return self._evaluated(self._data(self._fitted(Z)).float(), function).astype(np.float64)

    def _data(self, Z: NDArray[np.float64]) -> Tensor:
        """Return standardised coordinates, and V(z) in units of the kinetic term or |z|, (sample, latent + 1)."""
        pointwise = self.objective != "rayleigh"
        last = np.linalg.norm(Z, axis=1) if pointwise else _potential(self.potential_, Z) / self._unit
        return torch.cat([self._standardised(Z), torch.as_tensor(last)[:, None]], dim=1)

    def _standardised(self, Z: NDArray[np.float64]) -> Tensor:
        return torch.as_tensor((Z - self.center_) / self.scale_)

    def _fitted(self, Z: Any) -> NDArray[np.float64]:
        check_is_fitted(self)
        return self._validated(Z, reset=False)

    def _validated(self, Z: Any, *, reset: bool) -> NDArray[np.float64]:
        check_sample_axis(Z, "Z")
        array = validate_data(self, Z, reset=reset, dtype=np.float64, ensure_min_samples=2 if reset else 1)
        return check_samples(array, "Z", min_samples=2) if reset else array

    def _check_parameters(self) -> None:
        check_choice(self.objective, OBJECTIVES, "objective")
        check_positive_integer(self.n_states, "n_states", minimum=2)
        check_positive_integer(self.batch_size, "batch_size", minimum=2)
        if self.n_epochs is not None:
            check_positive_integer(self.n_epochs, "n_epochs")
        if not isinstance(self.hidden, (tuple, list)):
            raise TypeError(f"hidden must be a tuple of layer widths such as (64, 64), got {self.hidden!r}")
        for width in self.hidden:
            check_positive_integer(width, "every width in hidden")
        for name in ("learning_rate", "kinetic"):
            check_number(getattr(self, name), name, positive=True)
        for name in ("alpha", "t", "length"):
            if getattr(self, name) is not None:
                check_number(getattr(self, name), name, positive=True)
        if check_number(self.validation_fraction, "validation_fraction") >= 1:
            raise ValueError(f"validation_fraction must be in [0, 1), got {self.validation_fraction!r}")


def _potential(potential: Callable[[NDArray], NDArray] | None, Z: NDArray[np.float64]) -> NDArray[np.float64]:
    if potential is None:
        return np.zeros(len(Z))
    values = np.asarray(potential(Z), dtype=np.float64)
    if values.shape != (len(Z),):
        raise ValueError(
            f"potential must map (sample, latent) = {Z.shape} to ({len(Z)},), one number a sample; got {values.shape}"
        )
    check_finite(values, "potential(Z)")
    return values
