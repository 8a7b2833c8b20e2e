"""What a training minimises, and what the evidence of the result is.

Symbols: ln p(x|z) is summed over sites, KL over latents, all terms are means over samples in nats, p(z) = N(0, 1),
q(z|x) = N(mean, scale^2), z = mean + scale * noise. The first term of every objective is the loss:

- "elbo" (paper 002, eq. 4): -E_q ln p(x|z) + beta KL[q(z|x) || p(z)]; at beta = 1 minus the evidence lower bound.
- "iwae" (Burda, Grosse, Salakhutdinov 2016, eq. 8): -E ln 1/K sum_k p(x|z_k) [p(z_k) / q(z_k|x)]^beta.
- "mmd" (Tolstikhin et al. 2018, algorithm 2): -ln p(x|mean) + beta MMD^2[codes, p(z)], the encoder deterministic.
- "plain": -ln p(x|mean), a deterministic autoencoder; no prior enters.

A deterministic encoder has no widths of its own (its second head is not trained). Where a scale is asked for, it is
that of the posterior of its decoder with the prior N(0, 1), `zeeman.vae.metric.laplace_scale`, so ELBO and importance
sampling remain lower bounds of the ln p(x) of that model. A "plain" one has never seen the prior: there the bound is
true, low, and mostly a statement about where the codes happen to lie.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import torch
from torch import Tensor

from zeeman.base.checks import check_choice, check_positive_integer

if TYPE_CHECKING:
    from zeeman.vae.model import LatentModel

__all__ = [
    "OBJECTIVES",
    "EvidenceBound",
    "ImportanceWeighted",
    "Objective",
    "PlainReconstruction",
    "WassersteinMMD",
    "elbo",
    "gaussian_kl",
    "importance_log_likelihood",
    "mmd",
    "resolve_objective",
]


class Objective(ABC):
    """What is minimised.

    Attributes
    ----------
    name : str
    term_names : tuple of str
        What `terms` returns, the loss first.
    has_widths : bool
        Whether the encoder's second head is trained and is the scale of q.
    fixes_frame : bool
        Whether the loss prefers axes: then `zeeman.vae.axes` turns them there between epochs.
    has_prior : bool
        Whether the codes are drawn to p(z); if not, the ELBO does not compare replicas.
    """

    name: ClassVar[str]
    term_names: ClassVar[tuple[str, ...]]
    has_widths: ClassVar[bool] = True
    fixes_frame: ClassVar[bool] = False
    has_prior: ClassVar[bool] = True

    def noise_shape(self, latent_dim: int) -> tuple[int, ...]:
        """Standard normal numbers that `terms` takes for one sample."""
        return (latent_dim,)

    @abstractmethod
    def terms(self, model: LatentModel, x: Tensor, mean: Tensor, scale: Tensor, noise: Tensor) -> Tensor:
        """Return `term_names` for states x with the encoder's two heads and noise (sample, *noise_shape)."""

    def settings(self) -> dict[str, Any]:
        """Return plain values from which `resolve_objective` rebuilds this objective."""
        return {"name": self.name}


class EvidenceBound(Objective):
    """-E_q ln p(x|z) + beta KL ("elbo"), one draw of z a sample (paper 002, eq. 4).

    The diagonal posterior makes it depend on the axes, weakly: the frame is turned between epochs.
    """

    name = "elbo"
    term_names = ("loss", "reconstruction", "kl")
    fixes_frame = True

    def terms(self, model: LatentModel, x: Tensor, mean: Tensor, scale: Tensor, noise: Tensor) -> Tensor:
        """Return loss, -E ln p(x|z) and KL."""
        reconstruction = -model.log_prob(mean + scale * noise, x).mean()
        kl = gaussian_kl(mean, scale).mean()
        return torch.stack([reconstruction + model.beta * kl, reconstruction, kl])


@dataclass(frozen=True)
class ImportanceWeighted(Objective):
    """-E ln 1/K sum_k p(x|z_k) [p(z_k) / q(z_k|x)]^beta ("iwae"): Burda et al. 2016, eq. 8, at beta = 1.

    K = 1 is "elbo" with a sampled KL. What ties the bound to axes, the misfit of a diagonal posterior, goes as 1 / K;
    the look at the frame is derived for the ELBO only, so the frame is left alone.

    Parameters
    ----------
    k : int
        Draws of z a sample; a step costs as many decodings.
    """

    k: int = 5
    name = "iwae"
    term_names = ("loss", "reconstruction", "kl")

    def __post_init__(self) -> None:
        check_positive_integer(self.k, "k")

    def noise_shape(self, latent_dim: int) -> tuple[int, ...]:
        """K draws a sample."""
        return (self.k, latent_dim)

    def terms(self, model: LatentModel, x: Tensor, mean: Tensor, scale: Tensor, noise: Tensor) -> Tensor:
        """Return minus the bound, -E ln p(x|z) and KL."""
        log_p, log_ratio = _draws(model, x, mean, scale, noise.transpose(0, 1))
        bound = (log_p + model.beta * log_ratio).logsumexp(0) - math.log(self.k)
        return torch.stack([-bound.mean(), -log_p.mean(), gaussian_kl(mean, scale).mean()])

    def settings(self) -> dict[str, Any]:
        """Return name and K."""
        return {"name": self.name, **asdict(self)}


class _Deterministic(Objective):
    """An encoder of means only."""

    has_widths = False

    def _reconstruction(self, model: LatentModel, x: Tensor, mean: Tensor, scale: Tensor) -> Tensor:
        """Return -ln p(x|mean); the idle head enters with weight 0, so that an optimiser finds a gradient for it."""
        return -model.log_prob(mean, x).mean() + 0.0 * scale.mean()


class PlainReconstruction(_Deterministic):
    """-ln p(x|mean) ("plain"). Only the decoder's smoothness shapes the codes; beta is not used."""

    name = "plain"
    term_names = ("loss", "reconstruction")
    has_prior = False

    def noise_shape(self, latent_dim: int) -> tuple[int, ...]:
        """None."""
        return (0,)

    def terms(self, model: LatentModel, x: Tensor, mean: Tensor, scale: Tensor, noise: Tensor) -> Tensor:
        """Return the reconstruction, twice: it is the loss."""
        reconstruction = self._reconstruction(model, x, mean, scale)
        return torch.stack([reconstruction, reconstruction])


class WassersteinMMD(_Deterministic):
    """-ln p(x|mean) + beta MMD^2[codes of the batch, draws of p(z)] ("mmd"; Tolstikhin et al. 2018).

    MMD^2 is below 2 (kernel values lie in (0, 1]), so useful beta are of the order of the reconstruction in nats.
    Prior and kernel are isotropic: every rotation of the codes is as good.
    """

    name = "mmd"
    term_names = ("loss", "reconstruction", "mmd")

    def terms(self, model: LatentModel, x: Tensor, mean: Tensor, scale: Tensor, noise: Tensor) -> Tensor:
        """Return loss, -ln p(x|mean) and MMD^2; the noise is the draws of p(z)."""
        reconstruction, distance = self._reconstruction(model, x, mean, scale), mmd(mean, noise)
        return torch.stack([reconstruction + model.beta * distance, reconstruction, distance])


OBJECTIVES: dict[str, type[Objective]] = {
    kind.name: kind for kind in (EvidenceBound, PlainReconstruction, WassersteinMMD, ImportanceWeighted)
}


def resolve_objective(objective: object) -> Objective:
    """Return the objective of this name or these settings, or itself."""
    if isinstance(objective, Objective):
        return objective
    if isinstance(objective, dict):
        values = dict(objective)
        return OBJECTIVES[values.pop("name")](**values)
    if not isinstance(objective, str):
        raise TypeError(f"objective must be one of {', '.join(OBJECTIVES)}, or an Objective, got {objective!r}")
    check_choice(objective, tuple(OBJECTIVES), "objective")
    return OBJECTIVES[objective]()


def gaussian_kl(mean: Tensor, scale: Tensor) -> Tensor:
    """KL[N(mean, scale^2) || N(0, 1)] = sum_j (mean_j^2 + scale_j^2 - 1 - 2 ln scale_j) / 2, (sample,), nats."""
    return 0.5 * (mean**2 + scale**2 - 1.0 - 2.0 * scale.log()).sum(-1)


def mmd(z: Tensor, prior: Tensor) -> Tensor:
    """Unbiased estimate of MMD^2 between samples z and draws of the prior, (sample, latent) each, a scalar.

    Inverse multiquadratic kernel k(a, b) = C / (C + |a - b|^2) with C = 2 latent, the mean squared distance of two
    draws of N(0, 1) (Tolstikhin et al. 2018, section 4). Unbiased, so it can be below 0.
    """
    n, dim = z.shape
    within = sum(_kernel_sum(a, a, 2.0 * dim) - n for a in (z, prior)) / (n * (n - 1))  # k(a, a) = 1 left out
    return within - 2.0 * _kernel_sum(z, prior, 2.0 * dim) / n**2


def elbo(model: LatentModel, x: Tensor, noise: Tensor) -> Tensor:
    """Return ln p(x|z) - KL at beta = 1 with one draw of z a sample, (sample,), nats."""
    mean, scale = model.posterior(x)
    return model.log_prob(mean + scale * noise, x) - gaussian_kl(mean, scale)


def importance_log_likelihood(model: LatentModel, x: Tensor, noise: Tensor) -> Tensor:
    """Return ln (1/K) sum_k p(x|z_k) p(z_k) / q(z_k|x) with z_k drawn from q(z|x), (sample,), nats.

    Below ln p(x) on average for any K and equal to it as K grows; noise is (importance, sample, latent).
    """
    log_p, log_ratio = _draws(model, x, *model.posterior(x), noise)
    return (log_p + log_ratio).logsumexp(0) - math.log(len(noise))


def _draws(model: LatentModel, x: Tensor, mean: Tensor, scale: Tensor, noise: Tensor) -> tuple[Tensor, Tensor]:
    """Return ln p(x|z_k) and ln p(z_k) / q(z_k|x), (draw, sample) each, for noise (draw, sample, latent)."""
    z = mean + scale * noise
    n_draws, n_samples, latent = z.shape
    repeated = x.unsqueeze(0).expand(n_draws, *x.shape).reshape(-1, *x.shape[1:])
    log_p = model.log_prob(z.reshape(-1, latent), repeated).reshape(n_draws, n_samples)
    return log_p, scale.log().sum(-1) - 0.5 * (z**2 - noise**2).sum(-1)  # ln 2 pi of prior and q cancel


def _kernel_sum(a: Tensor, b: Tensor, C: float) -> Tensor:
    squares = a.square().sum(1)[:, None] + b.square().sum(1) - 2.0 * a @ b.mT
    return (C / (C + squares.clamp_min(0.0))).sum()
