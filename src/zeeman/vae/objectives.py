"""What a beta-VAE minimises, and what its evidence is.

Loss (paper 002, eq. 4), averaged over samples, both terms in nats:

    L = -E_q ln p(x|z) + beta KL[q(z|x) || p(z)],    p(z) = N(0, 1),    z = mean + scale * noise

with ln p(x|z) summed over sites and KL over latents, so beta = 1 is minus the evidence lower bound (ELBO).
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import torch
from torch import Tensor

if TYPE_CHECKING:
    from zeeman.vae.model import LatentModel

__all__ = ["TERMS", "elbo", "gaussian_kl", "importance_log_likelihood", "loss_terms"]

TERMS = ("loss", "reconstruction", "kl")


def gaussian_kl(mean: Tensor, scale: Tensor) -> Tensor:
    """KL[N(mean, scale^2) || N(0, 1)] = sum_j (mean_j^2 + scale_j^2 - 1 - 2 ln scale_j) / 2, (sample,), nats."""
    return 0.5 * (mean**2 + scale**2 - 1.0 - 2.0 * scale.log()).sum(-1)


def loss_terms(model: LatentModel, x: Tensor, noise: Tensor, beta: float) -> Tensor:
    """Return (loss, reconstruction = -E ln p(x|z), kl), sample means, with one draw of z a sample."""
    mean, scale = model.posterior(x)
    reconstruction = -model.log_prob(mean + scale * noise, x).mean()
    kl = gaussian_kl(mean, scale).mean()
    return torch.stack([reconstruction + beta * kl, reconstruction, kl])


def elbo(model: LatentModel, x: Tensor, noise: Tensor) -> Tensor:
    """Return ln p(x|z) - KL at beta = 1 with one draw of z a sample, (sample,), nats."""
    mean, scale = model.posterior(x)
    return model.log_prob(mean + scale * noise, x) - gaussian_kl(mean, scale)


def importance_log_likelihood(model: LatentModel, x: Tensor, noise: Tensor) -> Tensor:
    """Return ln (1/K) sum_k p(x|z_k) p(z_k) / q(z_k|x) with z_k drawn from q(z|x), (sample,), nats.

    Below ln p(x) on average for any K and equal to it as K grows; noise is (importance, sample, latent).
    """
    mean, scale = model.posterior(x)
    z = mean + scale * noise
    n_importance, n_samples, latent = z.shape
    repeated = x.unsqueeze(0).expand(n_importance, *x.shape).reshape(-1, *x.shape[1:])
    log_p = model.log_prob(z.reshape(-1, latent), repeated).reshape(n_importance, n_samples)
    log_weights = log_p - 0.5 * (z**2 - noise**2).sum(-1) + scale.log().sum(-1)  # ln 2 pi of prior and q cancel
    return log_weights.logsumexp(0) - math.log(n_importance)
