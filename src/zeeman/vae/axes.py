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
        Q = best_rotation(precision.double().cpu())
        model.rotate(Q.to(z))
    return Q


def best_rotation(matrices: Tensor) -> Tensor:
    """Return Q that minimises the mean of sum_j ln (Q L Q^T)_jj over matrices L, (sample, n, n), by plane rotations."""
    n = matrices.shape[-1]
    L, Q = matrices.clone(), torch.eye(n, dtype=matrices.dtype)
    angles = torch.linspace(-math.pi / 4, math.pi / 4, _ANGLES, dtype=L.dtype)[1:]
    c, s = angles.cos()[:, None], angles.sin()[:, None]
    for _ in range(_SWEEPS):
        turned = False
        for i in range(n):
            for j in range(i):
                a, b, off = L[:, i, i], L[:, j, j], L[:, i, j]
                first = c**2 * a + 2 * c * s * off + s**2 * b  # the second is a + b - first
                k = int((first.clamp_min(1e-9) * (a + b - first).clamp_min(1e-9)).log_().mean(1).argmin())
                if abs(float(s[k, 0])) < _STRAIGHT:
                    continue
                turned = True
                R = torch.eye(n, dtype=L.dtype)
                R[i, i] = R[j, j] = c[k, 0]
                R[i, j], R[j, i] = s[k, 0], -s[k, 0]
                L, Q = R @ L @ R.mT, R @ Q
        if not turned:
            break
    return Q
