"""Four phases as four Gaussian codes: the arrangement that the loss of paper 002 itself prefers.

On many sites x tells its phase c for certain, so q(z|x) = N(mu_c, diag s_c^2), and the best factorised decoder at z
mixes the phases by their posterior weight: m(z) = sum_c r_c(z) m^c, r_c ~ q_c(z). In units of beta the loss is

    L^2/beta E_c E_{z ~ q_c}[-sum_s m^c_s ln m_s(z)] + 1/4 sum_c KL[q_c || N(0, 1)],

a function of mu, s and beta / L^2 alone: no network, no data.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from zeeman.base.random import torch_stream
from zeeman.data.synthetic import THREE_STATE_PROBABILITIES

__all__ = ["Codebook", "best_codes"]

_DRAWS = 1500  # of z for each phase and step
_JUDGED = 200_000


@dataclass(frozen=True)
class Codebook:
    """Mean codes (4, latent) of PM, P1, P2, P3, their widths, and the loss in units of beta, nats."""

    means: NDArray[np.float64]
    widths: NDArray[np.float64]
    loss: float


def best_codes(ratio: float, start: NDArray, n_steps: int, seed: int) -> Codebook:
    """Descend from mean codes `start` (4, latent) at beta / L^2 = `ratio`; ends in the nearest minimum."""
    generator = torch_stream(seed, "codes without a network")
    means = torch.tensor(start, dtype=torch.float32) + 0.05 * torch.randn(start.shape, generator=generator)
    log_widths = torch.full(start.shape, -0.5)
    parameters = [means.requires_grad_(), log_widths.requires_grad_()]
    adam = torch.optim.Adam(parameters, lr=0.03)
    slower = torch.optim.lr_scheduler.CosineAnnealingLR(adam, n_steps)
    for _ in range(n_steps):
        adam.zero_grad()
        _loss(means, log_widths, ratio, torch.randn(4, _DRAWS, start.shape[1], generator=generator)).backward()
        adam.step()
        slower.step()
    with torch.no_grad():
        noise = torch.randn(4, _JUDGED // 4, start.shape[1], generator=torch_stream(seed, "codes judged"))
        loss = float(_loss(means, log_widths, ratio, noise))
    return Codebook(means.detach().double().numpy(), log_widths.detach().exp().double().numpy(), loss)


def _loss(means: Tensor, log_widths: Tensor, ratio: float, noise: Tensor) -> Tensor:
    """Loss in units of beta; noise (phase, draw, latent)."""
    widths = log_widths.exp()
    z = means[:, None] + widths[:, None] * noise
    log_density = (-0.5 * ((z[:, :, None] - means) / widths) ** 2 - log_widths).sum(-1)  # (phase, draw, phase')
    of_phase = torch.from_numpy(THREE_STATE_PROBABILITIES).float()
    decoded = log_density.softmax(-1) @ of_phase
    distortion = -(of_phase[:, None] * decoded.log()).sum(-1).mean()
    divergence = 0.5 * (means**2 + widths**2 - 1 - 2 * log_widths).sum(-1).mean()
    return distortion / ratio + divergence
