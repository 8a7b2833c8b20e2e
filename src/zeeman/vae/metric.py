"""How far p(x|z) moves when z does: the Fisher metric F(z) of a decoder, and the posterior widths it implies.

    KL[p(.|z) || p(.|z + e)] = e^T F(z) e / 2 + O(e^3)

At a code z, the posterior of a model with prior N(0, 1) has precision 1 + F(z) to second order (Laplace).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor

if TYPE_CHECKING:
    from zeeman.vae.model import LatentModel

__all__ = ["fisher_metric", "laplace_scale"]

_STEP = 0.1  # of the finite differences, in units of the prior
_CACHED = 1 << 16  # fields decoded at once


def fisher_metric(model: LatentModel, z: Tensor, step: float = _STEP) -> Tensor:
    """Return F_ij(z) of p(x|z), (sample, latent, latent), by polarisation of KL[p(.|z) || p(.|z + e)] = e^T F e / 2."""
    dim = z.shape[1]
    e = torch.eye(dim, device=z.device, dtype=z.dtype)
    i, j = torch.tril_indices(dim, dim, -1)
    lengths = _squared_lengths(model, z, torch.cat([e, e[i] + e[j]]), step)
    F = torch.diag_embed(lengths[:, :dim])
    F[:, i, j] = F[:, j, i] = 0.5 * (lengths[:, dim:] - lengths[:, i] - lengths[:, j])
    return F


@torch.no_grad()
def laplace_scale(model: LatentModel, z: Tensor, step: float = _STEP) -> Tensor:
    """Return (1 + F_jj(z))^-1/2, (sample, latent): the diagonal Gaussian closest to the posterior at its mode z.

    In (0, 1]; costs 2 latent + 1 decodings a sample.
    """
    directions = torch.eye(z.shape[1], device=z.device, dtype=z.dtype)
    return (1.0 + _squared_lengths(model, z, directions, step).clamp_min(0.0)).rsqrt()


def _squared_lengths(model: LatentModel, z: Tensor, directions: Tensor, step: float) -> Tensor:
    """Return e^T F(z) e, (sample, direction), by central differences, as many at once as the cache takes."""
    here = model.fields(z)
    at_once = max(1, _CACHED // max(1, here.numel()))
    lengths = []
    for some in directions.split(at_once):
        there = (z + step * torch.stack([some, -some])[:, :, None]).flatten(0, 2)
        around = here.expand(2 * len(some), *here.shape).flatten(0, 1)
        far = model.likelihood.divergence(around, model.fields(there))
        lengths.append(far.reshape(2, len(some), len(z)).sum(0) / step**2)
    return torch.cat(lengths).T
