"""The frame of a latent space: which axes a diagonal posterior prefers.

Turning encoder means and decoder together, z -> Q z, changes neither p(x|z) nor the prior. Only the diagonal
posterior tells frames apart. To second order the best one at x has scale_j^-2 = (Q L Q^T)_jj with

    L(x) = 1 + F(z) / beta,    F the Fisher metric of p(x|z) at z = mean(x),

so the orientation enters eq. 4 of paper 002 as (beta / 2) E_x sum_j ln (Q L Q^T)_jj: minimising over Q diagonalises
all L(x) jointly (Flury and Gautschi 1986). Steps on mini-batches find the same minimum, along a direction so flat
that the axes can still be askew when everything else has converged; done for many x at once it takes one look.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from zeeman.vae.metric import fisher_metric
from zeeman.vae.model import LatentModel

__all__ = ["best_rotation", "turn_axes"]

_SWEEPS = 6
_MOST_SAMPLES, _FEWEST_SAMPLES, _DECODINGS = 256, 32, 1536  # the metric takes d (d + 1) decodings a sample
_MOST_LATENTS = 16  # beyond, a look at the frame would cost more than it straightens
_STRAIGHT = 1e-9
_SMALLEST = 1e-18  # product of two diagonal elements
_ANGLES = 181  # in (-45, 45] degrees: the nearest of equivalent frames, so a straight one stays as it is


def turn_axes(model: LatentModel, x: Tensor) -> Tensor:
    """Rotate `model` to the frame that minimises the loss for the states x, and return Q, (latent, latent)."""
    with torch.no_grad():
        z = model.posterior(x[:_MOST_SAMPLES])[0].float()
        dim = z.shape[1]
        if model.beta == 0 or not 1 < dim <= _MOST_LATENTS:
            return torch.eye(dim)
        z = z[: max(_FEWEST_SAMPLES, _DECODINGS // (dim * (dim + 1)))]
        precision = torch.eye(z.shape[1], device=z.device) + fisher_metric(model, z) / model.beta
        seen = precision[torch.isfinite(precision).flatten(1).all(1)].double().cpu()
        if not len(seen):  # fields beyond all numbers say nothing about a frame
            return torch.eye(dim)
        Q = best_rotation(seen)
        model.rotate(Q.to(z))
    return Q


def best_rotation(matrices: Tensor) -> Tensor:
    """Return Q that minimises the mean of sum_j ln (Q L Q^T)_jj over matrices L, (sample, n, n), by plane rotations."""
    n = matrices.shape[-1]
    L, Q = matrices.clone(), torch.eye(n, dtype=matrices.dtype)
    angles = torch.linspace(-math.pi / 4, math.pi / 4, _ANGLES, dtype=L.dtype)[1:]
    c, s, waves = angles.cos(), angles.sin(), torch.stack([(2 * angles).cos(), (2 * angles).sin()], dim=1)
    for _ in range(_SWEEPS):
        turned = False
        for i in range(n):
            for j in range(i):
                a, b, off = L[:, i, i], L[:, j, j], L[:, i, j]
                # turned, they are half the sum plus and minus a wave in twice the angle
                product = ((a + b) / 2) ** 2 - (waves @ torch.stack([(a - b) / 2, off])).square_()
                k = int(_sum_of_logs(product.clamp_min_(_SMALLEST)).argmin())
                if abs(float(s[k])) < _STRAIGHT:
                    continue
                turned = True
                R = torch.eye(n, dtype=L.dtype)
                R[i, i] = R[j, j] = c[k]
                R[i, j], R[j, i] = s[k], -s[k]
                L, Q = R @ L @ R.mT, R @ Q
        if not turned:
            break
    return Q


def _sum_of_logs(x: Tensor) -> Tensor:
    """Return sum ln x over the last axis, with a logarithm for every four factors: it takes longer than all else."""
    *quarters, rest = x.split([x.shape[-1] // 4] * 4 + [x.shape[-1] % 4], dim=-1)
    return math.prod(quarters).log_().sum(-1) + rest.log().sum(-1)
