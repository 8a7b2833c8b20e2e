"""Counts: negative-binomial sites whose rates share each sample's own total, the library.

Symbols, for sample n and site (gene) g: x_ng a count, l_n = sum_g x_ng the library, l_0 the median library of the data
that were fitted, mu_ng = (l_n / l_0) exp(r_g(z_n)) the mean, theta_g the dispersion:

    p(x) = Gamma(x + theta) / (Gamma(theta) x!) (theta / (theta + mu))^theta (mu / (theta + mu))^x,
    <x> = mu,    var x = mu + mu^2 / theta;    theta -> infinity is the Poisson law.

In the form exp(h x) times what does not depend on z the local field is h = ln mu - ln(theta + mu) < 0. The decoder
writes the log rate r and, if asked, ln theta.
"""

from __future__ import annotations

import itertools
import math
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.distributions import Distribution, Independent, NegativeBinomial

from zeeman.base.checks import check_choice
from zeeman.vae.sites import Likelihood, check_support

__all__ = ["CountHead", "NegativeBinomialLikelihood", "clearly_overdispersed_counts", "log_negative_binomial"]

_MOST_COUNTED = 2**24  # integers that float32 holds
_LOG_RATE_FLOOR = 1e-4  # counts a sample, for genes that are never seen
_DISPERSIONS = (0.05, 100.0)  # a first guess stays inside
_PACE = 5.0  # Adam moves every weight as far; ln theta has further to go than a layer's weights
_LARGE = 8.0  # Stirling's series is good to float32 above
_ROWS = 1024  # looked at together
_CLEARLY = 1.5  # sum of variances over sum of means
_SAMPLES_OF_SUPPORT = 1_000


class NegativeBinomialLikelihood(Likelihood):
    """Counts 0, 1, 2, ... with mean mu = (l / l_0) e^r and variance mu + mu^2 / theta.

    As in scVI (Lopez et al. 2018, Nature Methods 15, 1053) the total of a cell scales its rates, the dispersion is one
    number a gene, and the observed total is used. It differs in three things: rates are exponentials, not a softmax
    over genes, so no gene's field depends on the others' and the rates of a cell need not sum to its total; the encoder
    sees ln(1 + x l_0 / l), not ln(1 + x), so that codes do not hold the depth of sequencing; and there is no batch
    covariate. With the observed total ln p(x|z) is that of x given l, a score that compares models of the same counts;
    it is normalised over all x only with ``library="none"``.

    A decoder of your own writes one channel, the log rate in excess of each site's mean, and with
    ``dispersion="gene-cell"`` a second one, the log dispersion in excess of a first guess.

    Parameters
    ----------
    tempered : bool
        Not for counts: ValueError.
    dispersion : {"gene", "gene-cell"}
        theta one number a gene, learned beside the decoder, or written by the decoder for every cell.
    library : {"observed", "none"}
        Whether the rates of a sample scale with its total.
    reference_library : float
        l_0; the median total of the fitted data.
    """

    name = "negative-binomial"

    def __init__(
        self, tempered: bool = False, *, dispersion: str = "gene", library: str = "observed",
        reference_library: float = 1.0,
    ) -> None:  # fmt: skip
        if tempered:
            raise ValueError(
                "tempered=True has no meaning for counts (a log rate has no zero to scale about): use tempered=False, "
                "or likelihood='gaussian' for what are no counts"
            )
        super().__init__(tempered)
        check_choice(dispersion, ("gene", "gene-cell"), "dispersion")
        check_choice(library, ("observed", "none"), "library")
        self.dispersion, self.library, self.reference_library = dispersion, library, float(reference_library)
        self.n_fields = 1 if dispersion == "gene" else 2
        self._start: tuple[Tensor, Tensor] | None = None

    def __repr__(self) -> str:
        """Return the call that makes it."""
        return f"NegativeBinomialLikelihood(dispersion={self.dispersion!r}, library={self.library!r})"

    @property
    def is_normalised(self) -> bool:
        """Only where no library of the datum itself scales the rates."""
        return self.library == "none"

    def settings(self) -> dict[str, Any]:
        """Return plain values, with the reference library."""
        return {
            **super().settings(), "dispersion": self.dispersion, "library": self.library,
            "reference_library": self.reference_library,
        }  # fmt: skip

    def fitted(self, X: NDArray) -> NegativeBinomialLikelihood:
        """Return a copy with the library and the first rates and dispersions of the counts X, (sample, site...)."""
        self.states(X)
        totals = _totals(X)
        l_0 = float(np.median(totals)) if self.library == "observed" else 1.0
        new = NegativeBinomialLikelihood(
            dispersion=self.dispersion, library=self.library, reference_library=max(l_0, 1.0)
        )
        scale = new.reference_library / totals if self.library == "observed" else np.ones(len(X))
        new._start = _moments(X, scale)
        return new

    def head(self, shape: tuple[int, ...]) -> nn.Module:
        """Return the layer that sets rates about each site's mean and adds the dispersions."""
        rate, dispersion = self._start or (torch.zeros(shape), torch.zeros(shape))
        return CountHead(rate.reshape(shape), dispersion.reshape(shape), learned=self.dispersion == "gene")

    def states(self, X: NDArray) -> Tensor:
        """Return counts in the smallest type that holds them."""
        with np.errstate(invalid="ignore"):
            counts = (X >= 0) & (_MOST_COUNTED >= X)
        if X.dtype.kind == "f":
            counts &= np.floor(X) == X
        check_support(
            X, counts, "negative-binomial likelihood, the counts 0, 1, 2, ... up to 2^24",
            "give raw counts (in single-cell files often a layer), not normalised or logarithmic values, or choose "
            "likelihood='gaussian'",
        )  # fmt: skip
        if self.library == "observed":
            empty = np.flatnonzero(_totals(X) == 0)
            if len(empty):
                raise ValueError(
                    f"X has no counts at all in row {empty[0]} ({len(empty)} such rows), so no library to scale rates "
                    "with: filter empty cells, or choose NegativeBinomialLikelihood(library='none')"
                )
        most = int(X.max(initial=0))
        small = np.uint8 if most < 2**8 else np.int16 if most < 2**15 else np.int32
        return torch.from_numpy(np.ascontiguousarray(X).astype(small))

    def values(self, states: Tensor) -> Tensor:
        """Return the counts."""
        return states.to(torch.int64)

    def features(self, x: Tensor) -> Tensor:
        """Return ln(1 + x l_0 / l), (sample, 1, site...)."""
        return torch.log1p(x.float() / self._factor(x)).unsqueeze(1)

    def bare_fields(self, output: Tensor) -> Tensor:
        """Return log rates at the reference library and log dispersions, (sample, site..., 2)."""
        return output[:, :2].movedim(1, -1)

    def inverse_temperatures(self, output: Tensor) -> Tensor:
        """Return 1, (sample, site...)."""
        return torch.ones_like(output[:, 0])

    def log_prob(self, fields: Tensor, x: Tensor) -> Tensor:
        """Return sum_k ln p(x_k), (sample,), with the rates scaled by each datum's own total."""
        log_mean = fields[..., 0] + self._factor(x).log()
        return log_negative_binomial(x.to(fields.dtype), log_mean, fields[..., 1]).flatten(1).sum(1)

    def distribution(self, fields: Tensor, library: Tensor | None = None) -> Distribution:
        """Return independent counts at the reference library, or at the totals `library`, (sample,)."""
        log_mean, log_theta = fields[..., 0], fields[..., 1]
        if library is not None and self.library == "observed":
            factor = torch.as_tensor(library).to(log_mean) / self.reference_library
            log_mean = log_mean + factor.log().reshape(-1, *[1] * (log_mean.ndim - 1))
        return Independent(Counts(log_theta.exp(), logits=log_mean - log_theta), log_mean.ndim - 1)

    def divergence(self, fields: Tensor, others: Tensor) -> Tensor:
        """Return the KL divergence at the reference library and the first one's dispersion, (sample,), nats.

        theta [ln(1 + mu'/theta) - ln(1 + mu/theta)] + mu (h - h'); exact for one dispersion a gene. Means and
        dispersions are orthogonal parameters, so otherwise it is the part that is due to the means, a lower bound.
        """
        log_theta = fields[..., 1]
        a, b = fields[..., 0] - log_theta, others[..., 0] - log_theta
        log_partition = nn.functional.softplus(b) - nn.functional.softplus(a)
        field = nn.functional.logsigmoid(a) - nn.functional.logsigmoid(b)
        return (log_theta.exp() * log_partition + fields[..., 0].exp() * field).flatten(1).sum(1)

    def local_fields(self, fields: Tensor) -> Tensor:
        """Return h = ln mu - ln(theta + mu) < 0 at the reference library, (sample, site...)."""
        return nn.functional.logsigmoid(fields[..., 0] - fields[..., 1])

    def draw(self, fields: Tensor, generator: torch.Generator) -> Tensor:
        """Draw counts at the reference library: a Gamma rate, then a Poisson count."""
        theta = fields[..., 1].exp()
        gamma = torch._standard_gamma(theta, generator=generator)
        rate = gamma / theta * fields[..., 0].exp()
        return torch.poisson(rate.clamp_max(float(_MOST_COUNTED)), generator=generator).to(torch.int32)

    def _factor(self, x: Tensor) -> Tensor:
        """Return l / l_0, (sample, 1...)."""
        if self.library == "none":
            return torch.ones((len(x), *[1] * (x.ndim - 1)), device=x.device)
        totals = x.flatten(1).sum(1, dtype=torch.float32)
        return (totals / self.reference_library).reshape(-1, *[1] * (x.ndim - 1))


class CountHead(nn.Module):
    """Last layer of a decoder of counts: (sample, channel, site...) to log rates and log dispersions, two channels.

    The decoder's first channel is the log rate in excess of the site's mean. Log dispersions in excess of the first
    guess are weights of this layer (`learned`), or the decoder's second channel.
    """

    def __init__(self, log_rate: Tensor, log_dispersion: Tensor, learned: bool = True) -> None:
        super().__init__()
        self.log_rate: Tensor
        self.register_buffer("log_rate", log_rate.clone())
        self.log_dispersion: Tensor
        self.register_buffer("log_dispersion", log_dispersion.clone())
        self.shift = nn.Parameter(torch.zeros_like(log_dispersion)) if learned else None

    def forward(self, output: Tensor) -> Tensor:
        """Map (sample, channel, site...) to (sample, 2, site...), in float32."""
        rate = output[:, 0].float() + self.log_rate
        excess = output[:, 1].float() if self.shift is None else (_PACE * self.shift).expand_as(rate)
        return torch.stack([rate, self.log_dispersion + excess], dim=1)


class Counts(NegativeBinomial):
    """torch's negative binomial with a log-probability that keeps its digits up to the Poisson limit."""

    def log_prob(self, value: Tensor) -> Tensor:
        """Return ln p(value)."""
        if self._validate_args:
            self._validate_sample(value)
        log_theta = self.total_count.log()
        return log_negative_binomial(value.to(log_theta.dtype), self.logits + log_theta, log_theta)


def log_negative_binomial(x: Tensor, log_mean: Tensor, log_theta: Tensor) -> Tensor:
    """Return ln p(x) of counts with mean mu and variance mu + mu^2 / theta, elementwise, nats.

    For theta above 8 the ratio of Gamma functions is written by Stirling's series in x / theta, where the difference
    of two large logarithms would lose all digits in float32.
    """
    theta, mean = log_theta.exp(), log_mean.exp()
    excess = log_mean - log_theta
    power = -(x + theta) * nn.functional.softplus(excess)  # (theta / (theta + mu))^(theta + x)
    small, large = theta.clamp_max(_LARGE), theta.clamp_min(_LARGE)
    direct = torch.lgamma(x + small) - torch.lgamma(small) + power + x * excess
    ratio = torch.log1p(x / large)
    series = _stirling(x + large) - _stirling(large)
    loss = torch.where(theta > _LARGE, torch.log1p(mean / large), ratio)
    # (theta + x) [ln(1 + x/theta) - ln(1 + mu/theta)]: nearly equal numbers in a bracket, not large ones outside
    limit = (large + x) * (ratio - loss) - 0.5 * ratio - x + x * log_mean + series
    return torch.where(theta > _LARGE, limit, direct) - torch.lgamma(x + 1.0)


def clearly_overdispersed_counts(X: NDArray) -> bool:
    """Whether a table (sample, column) looks like counts of independent events with more noise than Poisson's.

    Whole numbers from 0 upwards and no row of zeros, in which 0 is the most frequent value, then 1, then 2, then 3
    (grey values, scores and codes are not so ordered), with variances that sum to more than 1.5 times the sum of means.
    """
    whole = X.dtype.kind in "iu" or (X.dtype.kind == "f" and bool((np.floor(X) == X).all()))
    if X.ndim != 2 or not whole or X.min() < 0 or _totals(X).min() == 0:
        return False
    looked = X[:: max(1, len(X) // _SAMPLES_OF_SUPPORT)]
    frequency = [int((looked == value).sum()) for value in range(4)]
    decays = all(a > b > 0 for a, b in itertools.pairwise(frequency))
    rare = 5 * frequency[1] < looked.size - frequency[0]
    if not decays or rare:
        return False
    mean = looked.mean(axis=0, dtype=np.float64)
    return bool(looked.var(axis=0, dtype=np.float64).sum() > _CLEARLY * mean.sum())


def _stirling(y: Tensor) -> Tensor:
    """Return ln Gamma(y) - [(y - 1/2) ln y - y + ln(2 pi) / 2] for large y."""
    inverse = y.reciprocal()
    square = inverse * inverse
    return inverse * (1 / 12 - square * (1 / 360 - square / 1260))


def _totals(X: NDArray) -> NDArray[np.float64]:
    return X.reshape(len(X), math.prod(X.shape[1:])).sum(axis=1, dtype=np.float64)


def _moments(X: NDArray, scale: NDArray[np.float64]) -> tuple[Tensor, Tensor]:
    """Return ln of means and of dispersions by moments, (site...) each, of counts brought to one library."""
    first, second, noise = (np.zeros(X.shape[1:]) for _ in range(3))
    for start in range(0, len(X), _ROWS):
        s = scale[start : start + _ROWS].reshape(-1, *[1] * (X.ndim - 1))
        part = X[start : start + _ROWS] * s
        first += part.sum(axis=0)
        second += (part**2).sum(axis=0)
        noise += (part * s).sum(axis=0)  # a Poisson count times s has variance s times its mean
    mean, square, poisson = (total / len(X) for total in (first, second, noise))
    excess = np.maximum(square - mean**2 - poisson, 1e-12)
    theta = np.clip(mean**2 / excess, *_DISPERSIONS)
    rates, dispersions = np.log(np.maximum(mean, _LOG_RATE_FLOOR)), np.log(theta)
    return torch.from_numpy(rates.astype(np.float32)), torch.from_numpy(dispersions.astype(np.float32))
