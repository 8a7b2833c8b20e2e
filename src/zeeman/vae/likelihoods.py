"""Likelihoods p(x|z) of data whose components are independent given z, each plain or tempered.

A decoder writes channels; a likelihood reads local fields h from them, and a tempered one (the beta^2-VAE, paper 002)
also beta_k = sigmoid(last channel) in (0, 1), one a site; the effective field is beta_k h_k. With fields
(sample, site...):

- Bernoulli, x in {0, 1}: p = sigmoid(h) (eq. 10); -ln p(x) = ln(1 + e^h) - x h. Data in {-1, 1} are read as 0, 1.
- categorical, x in 0..q-1: p_s = e^{h_s} / sum_t e^{h_t}, fields (sample, site..., state) (eq. 13). Data that go
  from -1 to 1 are spins -1, 0, 1 (Blume-Capel), whose states are 0, 1, 2.
- Gaussian, unit variance: mean h (eq. 17); -ln p(x) = (x - h)^2 / 2 + ln(2 pi) / 2.
- negative binomial, x a count: mean (l / l_0) e^r, dispersion theta, fields (sample, site..., 2) (`zeeman.vae.counts`).
- von Mises, x an angle: p ~ e^{h.(cos x, sin x)}; von Mises-Fisher, x a unit vector: p ~ e^{h.x}; fields
  (sample, site..., 2) and (sample, site..., 3) (`zeeman.vae.vectors`).

Sums over sites are not divided by their number.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor
from torch.distributions import Bernoulli, Categorical, Distribution, Independent, Normal, constraints

from zeeman.base.checks import check_choice
from zeeman.vae.counts import NegativeBinomialLikelihood, clearly_overdispersed_counts
from zeeman.vae.sites import Likelihood, check_support
from zeeman.vae.vectors import VonMisesFisherLikelihood, VonMisesLikelihood, are_angles, are_unit_vectors, fill_a_turn

__all__ = [
    "LIKELIHOODS",
    "BernoulliLikelihood",
    "CategoricalLikelihood",
    "GaussianLikelihood",
    "Likelihood",
    "NegativeBinomialLikelihood",
    "VonMisesFisherLikelihood",
    "VonMisesLikelihood",
    "from_settings",
    "resolve",
]

_TOO_MANY_STATES = 1024  # a decoder writes one channel a state
_MOST_STATES = 32  # more integer values than this are taken for numbers, not names of states


class BernoulliLikelihood(Likelihood):
    """Two values, `low` and `high`; P(high) = sigmoid(h)."""

    name = "bernoulli"

    def __init__(self, tempered: bool = False, low: int = 0, high: int = 1) -> None:
        super().__init__(tempered)
        self.low, self.high = low, high

    def settings(self) -> dict[str, Any]:
        """Return plain values, with the coding."""
        return {**super().settings(), "low": self.low, "high": self.high}

    def states(self, X: NDArray) -> Tensor:
        """Return 1 for `high` and 0 for `low`."""
        up = np.equal(X, self.high)
        check_support(
            X, up | np.equal(X, self.low), f"bernoulli likelihood, fitted to values {self.low} and {self.high}",
            "recode the data, or choose likelihood='gaussian', 'categorical' or, for angles in [0, 2 pi), 'von_mises'",
        )  # fmt: skip
        return torch.from_numpy(up.astype(np.uint8))

    def values(self, states: Tensor) -> Tensor:
        """Return `low` for 0 and `high` for 1."""
        return self.low + (self.high - self.low) * states.to(torch.int64)

    def log_prob(self, fields: Tensor, x: Tensor) -> Tensor:
        """Return sum_k x_k h_k - ln(1 + e^h_k), (sample,)."""
        return (x * fields - F.softplus(fields)).flatten(1).sum(1)

    def mean(self, fields: Tensor) -> Tensor:
        """Return low + (high - low) sigmoid(h)."""
        return self.low + (self.high - self.low) * torch.sigmoid(fields)

    def divergence(self, fields: Tensor, others: Tensor) -> Tensor:
        """Return sum_k (h_k - h'_k) sigmoid(h_k) + ln(1 + e^h'_k) - ln(1 + e^h_k), in float64: finite at any field."""
        h, other = fields.double(), others.double()
        sites = (h - other) * torch.sigmoid(h) + F.softplus(other) - F.softplus(h)
        return sites.clamp_min(0.0).flatten(1).sum(1).to(fields)

    def distribution(self, fields: Tensor) -> Distribution:
        """Return independent Bernoulli variables with logits h."""
        return Independent(Bernoulli(logits=fields), fields.ndim - 1)

    def draw(self, fields: Tensor, generator: torch.Generator) -> Tensor:
        """Draw 0 or 1 a site."""
        uniform = torch.rand(fields.shape, generator=generator, dtype=fields.dtype)
        return (uniform < torch.sigmoid(fields)).to(torch.uint8)


class CategoricalLikelihood(Likelihood):
    """States low..low + q - 1, q >= 2, low = 0 but for spins -1, 0, 1; P(low + s) = softmax(h)_s."""

    name = "categorical"

    def __init__(self, tempered: bool = False, n_states: int = 2, low: int = 0) -> None:
        super().__init__(tempered)
        self.n_states = self.n_fields = self.n_inputs = n_states
        self.low = low

    def settings(self) -> dict[str, Any]:
        """Return plain values, with q and the lowest value."""
        return {**super().settings(), "n_states": self.n_states, "low": self.low}

    def states(self, X: NDArray) -> Tensor:
        """Return the integers 0..q-1 in a small type."""
        high = self.low + self.n_states - 1
        allowed = (self.low <= X) & (high >= X) & (np.floor(X) == X)
        check_support(
            X, allowed, f"categorical likelihood with states {self.low}..{high}",
            "recode the states as 0..q-1 (or -1, 0, 1), or choose likelihood='gaussian'",
        )  # fmt: skip
        states = X.astype(np.int64) - self.low  # unsigned numbers take no -1
        return torch.from_numpy(states.astype(np.uint8 if self.n_states <= 256 else np.int32))

    def values(self, states: Tensor) -> Tensor:
        """Return the integers low..low + q - 1."""
        return states.to(torch.int64) + self.low

    def features(self, x: Tensor) -> Tensor:
        """Return one-hot states, (sample, state, site...)."""
        names = torch.arange(self.n_states, device=x.device).reshape(-1, *[1] * (x.ndim - 1))
        return (x.unsqueeze(1) == names).float()

    def bare_fields(self, output: Tensor) -> Tensor:
        """Return h, (sample, site..., state)."""
        return output[:, : self.n_states].movedim(1, -1)

    def log_prob(self, fields: Tensor, x: Tensor) -> Tensor:
        """Return sum_k h_k[x_k] - ln sum_s e^h_k[s], (sample,)."""
        chosen = fields.gather(-1, x.unsqueeze(-1).long()).squeeze(-1)
        return (chosen - fields.logsumexp(-1)).flatten(1).sum(1)

    def divergence(self, fields: Tensor, others: Tensor) -> Tensor:
        """Return sum_k (h_k - h'_k) . softmax(h_k) + ln sum_s e^h'_k[s] - ln sum_s e^h_k[s], in float64."""
        h, other = fields.double(), others.double()
        sites = ((h - other) * h.softmax(-1)).sum(-1) + other.logsumexp(-1) - h.logsumexp(-1)
        return sites.clamp_min(0.0).flatten(1).sum(1).to(fields)

    def distribution(self, fields: Tensor) -> Distribution:
        """Return independent categorical variables with logits h, over the values of the data."""
        return Independent(States(fields, self.low), fields.ndim - 2)

    def draw(self, fields: Tensor, generator: torch.Generator) -> Tensor:
        """Draw a state a site by inverting the cumulative probabilities."""
        uniform = torch.rand((*fields.shape[:-1], 1), generator=generator, dtype=fields.dtype)
        below = fields.softmax(-1).cumsum(-1)[..., :-1] < uniform
        return below.sum(-1).to(torch.uint8 if self.n_states <= 256 else torch.int32)


class GaussianLikelihood(Likelihood):
    """Real numbers with unit variance about h; the data are not standardised behind your back."""

    name = "gaussian"

    def states(self, X: NDArray) -> Tensor:
        """Return float32 numbers."""
        with np.errstate(over="ignore"):
            single = np.ascontiguousarray(X, dtype=np.float32)
        check_support(X, np.isfinite(single), "float32 networks", "rescale the data")
        return torch.from_numpy(single)

    def values(self, states: Tensor) -> Tensor:
        """Return the numbers as they are."""
        return states

    def log_prob(self, fields: Tensor, x: Tensor) -> Tensor:
        """Return -sum_k [(x_k - h_k)^2 + ln(2 pi)] / 2, (sample,)."""
        return -0.5 * ((x - fields) ** 2 + math.log(2 * math.pi)).flatten(1).sum(1)

    def divergence(self, fields: Tensor, others: Tensor) -> Tensor:
        """Return sum_k (h_k - h'_k)^2 / 2, (sample,)."""
        return 0.5 * ((fields - others) ** 2).flatten(1).sum(1)

    def distribution(self, fields: Tensor) -> Distribution:
        """Return independent normal variables of mean h and unit variance."""
        return Independent(Normal(fields, torch.ones_like(fields)), fields.ndim - 1)

    def draw(self, fields: Tensor, generator: torch.Generator) -> Tensor:
        """Draw h plus unit noise."""
        return fields + torch.randn(fields.shape, generator=generator, dtype=fields.dtype)


class States(Categorical):
    """Categorical distribution over the integers low, low + 1, ...; torch's is of 0, 1, ... and has no means."""

    def __init__(self, logits: Tensor, low: int = 0, validate_args: bool | None = None) -> None:
        self.low = low
        super().__init__(logits=logits, validate_args=validate_args)

    def expand(self, batch_shape: Any, _instance: Any = None) -> States:
        """Return the same law on a larger batch."""
        return States(self.logits.expand(*batch_shape, self.logits.shape[-1]), self.low, self._validate_args)

    @constraints.dependent_property(is_discrete=True, event_dim=0)
    def support(self) -> constraints.Constraint:
        """Integers low..low + q - 1."""
        return constraints.integer_interval(self.low, self.low + self._num_events - 1)

    @property
    def mean(self) -> Tensor:
        """Expected value."""
        return self.low + (self.probs * torch.arange(self.probs.shape[-1], device=self.probs.device)).sum(-1)

    @property
    def mode(self) -> Tensor:
        """Most probable value."""
        return super().mode + self.low

    @property
    def variance(self) -> Tensor:
        """Variance of the value."""
        states = torch.arange(self.low, self.low + self.probs.shape[-1], device=self.probs.device)
        return (self.probs * (states - self.mean.unsqueeze(-1)) ** 2).sum(-1)

    def sample(self, sample_shape: Any = ()) -> Tensor:
        """Draw values."""
        return super().sample(torch.Size(sample_shape)) + self.low

    def log_prob(self, value: Tensor) -> Tensor:
        """Return ln p(value)."""
        if self._validate_args:
            self._validate_sample(value)
        chosen, logits = torch.broadcast_tensors((value.long() - self.low).unsqueeze(-1), self.logits)
        return logits.gather(-1, chosen[..., :1]).squeeze(-1)

    def enumerate_support(self, expand: bool = True) -> Tensor:
        """Return every value."""
        return super().enumerate_support(expand) + self.low


LIKELIHOODS: dict[str, type[Likelihood]] = {
    kind.name: kind
    for kind in (
        BernoulliLikelihood, CategoricalLikelihood, GaussianLikelihood, NegativeBinomialLikelihood, VonMisesLikelihood,
        VonMisesFisherLikelihood,
    )
}  # fmt: skip
# what the models of zeeman.spins write into the attributes of their data
OF_MODELS = {
    "Potts": "categorical", "Clock": "categorical", "BlumeCapel": "categorical", "XY": "von_mises",
    "Heisenberg": "von_mises_fisher",
}  # fmt: skip


def resolve(
    X: NDArray, name: str | Likelihood, tempered: bool, attributes: Mapping[str, Any] | None = None
) -> tuple[Likelihood, str]:
    """Return the likelihood called `name` fitted to the values of X, and one line that says why.

    "auto": by `attributes` that name a model of `zeeman.spins`, if X can be its configurations; else all values in
    {0, 1} or in {-1, 1}, Bernoulli; an integer type with values 0..q-1, 3 <= q <= 32, or -1, 0, 1, categorical; unit
    vectors along a last axis of 3, von Mises-Fisher; a table of counts beyond 31 or stored as reals, small ones the
    most frequent, clearly noisier than Poisson's, negative binomial; anything else Gaussian. Other counts have to be
    asked for: grades, grey values and numbers of states are whole numbers too. So have angles without attributes:
    numbers between 0 and 2 pi can be anything. A `NegativeBinomialLikelihood` stands for itself, with its choices.
    """
    if isinstance(name, NegativeBinomialLikelihood):
        if tempered:
            NegativeBinomialLikelihood(tempered)  # refuses it
        return name.fitted(X), f"{name.name}: as asked"
    if isinstance(name, Likelihood):
        raise TypeError(f"likelihood {name!r} has nothing to choose: give its name, likelihood={name.name!r}")
    check_choice(name, ("auto", *LIKELIHOODS), "likelihood")
    about = attributes or {}
    why = "as asked"
    if name == "auto":
        name, why = _by_attributes(X, about) or _recognise(X)
    if name == "bernoulli":
        low = -1 if np.any(X == -1) else 0
        return BernoulliLikelihood(tempered, low=low), f"bernoulli: {why}"
    if name == "categorical":
        return _states(X, tempered, about, why)
    if name == "negative-binomial":
        return NegativeBinomialLikelihood(tempered).fitted(X), f"negative-binomial: {why}"
    return LIKELIHOODS[name](tempered), f"{name}: {why}"


def from_settings(settings: dict[str, Any]) -> Likelihood:
    """Rebuild a likelihood from `Likelihood.settings`."""
    arguments = dict(settings)
    return LIKELIHOODS[arguments.pop("name")](**arguments)


def _states(X: NDArray, tempered: bool, about: Mapping[str, Any], why: str) -> tuple[Likelihood, str]:
    """Three states -1, 0, 1 if X goes from -1 to 1, else 0..q-1, q from the largest or the attributes."""
    if (X.min() == -1 and X.max() == 1) or about.get("model") == "BlumeCapel":
        likelihood = CategoricalLikelihood(tempered, n_states=3, low=-1)
        return likelihood, f"categorical with 3 states, -1, 0, 1: {why}"
    states = max(2, int(X.max()) + 1, int(about.get("n_states", 0)))
    if states > _TOO_MANY_STATES:
        raise ValueError(
            f"categorical likelihood: X holds {int(X.max())}, so {states} states a site, more than "
            f"{_TOO_MANY_STATES}; number the states 0..q-1, or choose likelihood='gaussian'"
        )
    return CategoricalLikelihood(tempered, n_states=states), f"categorical with {states} states: {why}"


def _by_attributes(X: NDArray, about: Mapping[str, Any]) -> tuple[str, str] | None:
    """Return the likelihood of the model that the data say they come from, unless X says that it is something else."""
    model = str(about.get("model", ""))
    name = OF_MODELS.get(model)
    if name is None:
        return None
    low, high = (-1, 1) if model == "BlumeCapel" else (0, _TOO_MANY_STATES - 1)
    fits = {
        "categorical": X.dtype.kind in "iu" and X.min() >= low and X.max() <= high,
        "von_mises": are_angles(X),
        "von_mises_fisher": are_unit_vectors(X),
    }[name]
    return (name, f"X says that it comes from the model {model}") if fits else None


def _recognise(X: NDArray) -> tuple[str, str]:
    if X.dtype.kind == "b":
        return "bernoulli", "the values of X are booleans"
    for low in (0, -1):
        if np.isin(X, (low, 1)).all():
            return "bernoulli", f"every value of X is {low} or 1"
    if X.dtype.kind in "iu" and X.min() >= 0 and X.max() < _MOST_STATES:
        low, high = int(X.min()), int(X.max())
        unused = f"; states below {low} do not occur: subtract {low} to leave them out" if low else ""
        events = "; if they count events, likelihood='negative-binomial'" if clearly_overdispersed_counts(X) else ""
        return "categorical", f"X holds integers {low}..{high}, taken as states{unused}{events}"
    if X.dtype.kind in "iu" and X.min() == -1 and X.max() == 1:
        return "categorical", "X holds spins -1, 0, 1"
    if are_unit_vectors(X):
        return "von_mises_fisher", "X holds unit vectors along its last axis"
    if clearly_overdispersed_counts(X):  # smaller integers were taken as states above
        return "negative-binomial", (
            f"X holds counts 0..{int(X.max())} whose variance exceeds their mean; with likelihood='gaussian' they are "
            "numbers of unit variance"
        )
    if X.dtype.kind in "iu":
        return "gaussian", (
            f"X holds integers {int(X.min())}..{int(X.max())}, not 0..q-1 with q at most {_MOST_STATES}: numbers of "
            "unit variance"
        )
    if fill_a_turn(X):
        return "gaussian", (
            "X holds real numbers that fill [0, 2 pi) and could be anything; if they are angles, likelihood='von_mises'"
        )
    return "gaussian", "X holds real numbers"
