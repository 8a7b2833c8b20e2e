"""A beta-VAE that respects translations: a code that is the mean over sites of a learned function of one site.

Decoder   p(x|z) = prod_i p(x_i | h(z)), the same fields at every site: a mean-field theory of the configuration
Encoder   z = W . 1/N sum_i phi(x_i) + b, with phi one layer of features, W one linear map

What such a decoder lets one know of z is in sum_i ln p(x_i | h(z)): the optimal encoder (paper 002, eq. 12) sees a
configuration through means over sites of functions of one site, and so does this one. It is linear in them, which the
optimal one is not. By universality the even and odd parts of such a mean scale like the energy and the order parameter,
so the code's cumulant crosses at T_c with the corrections of the order parameter's own, and one encoder reads every
size. Features of neighbours were left out after a trial: training mixed more of them in the longer it lasted (to make
up, it seems, for the curvature that a linear code lacks), and their noise of short range moves crossings.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from zeeman.vae.model import LatentModel
from zeeman.vae.networks import GaussianHead

__all__ = ["UniformDecoder", "UniformEncoder", "amplitudes", "moved_to"]

_SLOPE = 0.2


class UniformEncoder(nn.Module):
    """Mean over sites of features of a site, then a linear head.

    Parameters
    ----------
    n_channels : int
        Channels of a datum (sample, channel, site...).
    latent_dim : int
    """

    def __init__(self, n_channels: int, latent_dim: int, n_features: int = 8) -> None:
        super().__init__()
        self.site = nn.Linear(n_channels, n_features)
        self.head = GaussianHead(n_features, latent_dim)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Map (sample, channel, site...) to mean and scale, (sample, latent) each."""
        return self.head(F.leaky_relu(self.site(x.flatten(2).mT), _SLOPE).mean(1))


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


def amplitudes(encoders: Sequence[UniformEncoder], x: Tensor, waves: Tensor) -> Tensor:
    """Codes in space, W 1/N sum_i w_i phi_i, of several encoders at once.

    Parameters
    ----------
    x : Tensor, (sample, channel, site...)
    waves : Tensor, (wave, site)
        A wave of ones gives the posterior mean less its constant b.

    Returns
    -------
    Tensor, (encoder, sample, wave, latent)
    """
    sites = x.flatten(2).permute(2, 0, 1)
    weights, bias = (torch.cat([getattr(one.site, name) for one in encoders]) for name in ("weight", "bias"))
    features = F.leaky_relu_(F.linear(sites, weights, bias), _SLOPE)
    summed = (waves @ features.flatten(1)).reshape(len(waves), x.shape[0], len(encoders), -1) / len(sites)
    return torch.einsum("wnrf,rlf->rnwl", summed, torch.stack([one.head.mean.weight for one in encoders]))


def moved_to(model: LatentModel, shape: tuple[int, ...]) -> LatentModel:
    """Return a copy of a model of these two parts that writes configurations of another shape (it reads any)."""
    moved = copy.deepcopy(model)
    assert isinstance(moved.decoder, UniformDecoder)
    moved.decoder.shape = tuple(shape)
    return moved
