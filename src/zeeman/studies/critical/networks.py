r"""A beta-VAE that respects translations: a code that is the mean of a learned local operator.

Encoder   z = W . 1/N sum_i phi(x_i, sum_(j next to i) x_j) + b     with phi one layer of features, W one linear map
Decoder   the same local fields h(z) at every site: a mean-field theory of the configuration

The code is linear in the spatial mean of a local operator. By universality its even and odd parts scale like the
energy and the order parameter, so its cumulant crosses at T_c with the corrections of the order parameter's own; and
the same encoder can be asked at every size, as it knows sites and neighbours only.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from zeeman.vae.model import LatentModel
from zeeman.vae.networks import GaussianHead

__all__ = ["LocalEncoder", "UniformDecoder", "amplitudes", "moved_to"]

_SLOPE = 0.2


class LocalEncoder(nn.Module):
    """Mean over sites of features of a site and of the sum of its neighbours, then a linear head.

    Parameters
    ----------
    n_channels : int
        Channels of a datum (sample, channel, site...).
    latent_dim : int
    neighbours : ndarray of int, (site, z)
    n_features : int
    """

    def __init__(self, n_channels: int, latent_dim: int, neighbours: Any, n_features: int = 8) -> None:
        super().__init__()
        self.own = nn.Linear(n_channels, n_features)
        self.around = nn.Linear(n_channels, n_features, bias=False)
        self.head = GaussianHead(n_features, latent_dim)
        self.place(neighbours)

    def place(self, neighbours: Any) -> None:
        """Use the neighbours of another lattice, (site, z)."""
        self.neighbours = torch.as_tensor(neighbours, dtype=torch.int64)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Map (sample, channel, site...) to mean and scale, (sample, latent) each."""
        sites = x.flatten(2)
        around = sites[:, :, self.neighbours.to(x.device).reshape(-1)]
        around = around.reshape(*sites.shape, -1).mean(-1)
        features = self.own(sites.mT) + self.around(around.mT)
        return self.head(F.leaky_relu(features, _SLOPE).mean(1))


class UniformDecoder(nn.Module):
    """The same fields at all sites, a smooth function of z with one hidden layer.

    Parameters
    ----------
    latent_dim, n_channels : int
    shape : tuple of int
        Site axes of a datum.
    """

    def __init__(self, latent_dim: int, n_channels: int, shape: tuple[int, ...], n_hidden: int = 16) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Linear(latent_dim, n_hidden), nn.Tanh(), nn.Linear(n_hidden, n_channels)
        )  # fmt: skip
        self.shape = tuple(shape)

    def forward(self, z: Tensor) -> Tensor:
        """Map (sample, latent) to (sample, channel, site...)."""
        fields = self.layers(z)
        return fields.reshape(*fields.shape, *[1] * len(self.shape)).expand(*fields.shape, *self.shape)


def amplitudes(encoders: Sequence[LocalEncoder], x: Tensor, waves: Tensor) -> Tensor:
    """Codes in space, W 1/N sum_i w_i phi_i, of several encoders of one lattice at once.

    Parameters
    ----------
    x : Tensor, (sample, channel, site...)
    waves : Tensor, (wave, site)
        A wave of ones gives the posterior mean less its constant b.

    Returns
    -------
    Tensor, (encoder, sample, wave, latent)
    """
    sites = x.flatten(2).permute(2, 0, 1).contiguous()  # sites first: a neighbour is a row, and copied as one
    neighbours = encoders[0].neighbours.to(x.device)
    around = torch.stack([sites[column] for column in neighbours.T]).mean(0)
    weights = torch.cat([torch.cat([one.own.weight, one.around.weight], 1) for one in encoders])
    bias = torch.cat([one.own.bias for one in encoders])
    local = F.leaky_relu_(F.linear(torch.cat([sites, around], 2), weights, bias), _SLOPE)
    summed = (waves @ local.flatten(1)).reshape(len(waves), x.shape[0], len(encoders), -1) / len(sites)
    return torch.einsum("wnrf,rlf->rnwl", summed, torch.stack([one.head.mean.weight for one in encoders]))


def moved_to(model: LatentModel, neighbours: Any, shape: tuple[int, ...]) -> LatentModel:
    """Return a copy of a model of these two parts that reads and writes configurations of another lattice."""
    moved = copy.deepcopy(model)
    encoder, decoder = moved.encoder, moved.decoder
    assert isinstance(encoder, LocalEncoder)
    encoder.place(neighbours)
    assert isinstance(decoder, UniformDecoder)
    decoder.shape = tuple(shape)
    return moved
