"""The mean-field system that a decoder writes: one site in one field each, H(x) = sum_k H_k, at temperature 1.

p(x|z) = e^{-H(x)} / Z with (paper 002)

- Bernoulli, eq. 10-11: H_k = -b_k h_k x_k, x in {0, 1}. On spins s = 2x - 1 the field is b_k h_k / 2, and H differs by
  the constant -sum_k b_k h_k / 2.
- categorical, eq. 13-16: H_k = -b_k h_k[x_k]. A constant added to all h_k[s] of a site changes H and ln Z, not p.
- Gaussian, eq. 17-18: H_k = -b_k h_k x_k + x_k^2 / 2, so F = -1/2 sum_k (mu_k^2 + ln 2 pi), mu = b h. Eq. 18 drops
  mu^2/2 as a constant: it depends on z.
- angles and unit vectors, the O(2) and O(3) relatives of eq. 10: H_k = -b_k h_k.(cos x_k, sin x_k) and -b_k h_k.x_k.

b_k in (0, 1) is the local inverse temperature of a tempered decoder (beta^2-VAE), 1 otherwise. Only the product b_k h_k
enters the loss: h_k -> c h_k, b_k -> b_k / c is another decoder with the same p. So the energies here are those of the
product, at temperature 1; `fields` and `inverse_temperatures` apart are what this training chose to write.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch.distributions import Bernoulli, Categorical, Distribution, Independent, Normal, VonMises

from zeeman.base.brief import brief
from zeeman.base.checks import check_choice, check_finite
from zeeman.meanfield.families import (
    AngleSites,
    BernoulliSites,
    CategoricalSites,
    GaussianSites,
    Sites,
    VectorSites,
    sites_of,
)
from zeeman.meanfield.replica import model_of
from zeeman.training import evaluating
from zeeman.vae import BetaVAE, VonMisesFisher
from zeeman.vae.inputs import check_codes

__all__ = ["GAUGES", "MeanField", "NotFactorisedError", "mean_field", "mean_field_of"]

GAUGES = ("zero-sum", "raw")
Array = NDArray[np.float64]
_PORTION = 512  # codes decoded at once


class NotFactorisedError(TypeError):
    """A distribution whose sites are not independent given z has no local fields."""


@brief
@dataclass(frozen=True)
class MeanField:
    """Thermodynamics of p(x|z), sample by sample, at temperature 1; float64, nats.

    Attributes
    ----------
    sites : Sites
        Bernoulli, categorical, Gaussian, angles or vectors.
    fields : ndarray, (sample, site...[, state or component])
        Bare h_k.
    inverse_temperatures : ndarray, (sample, site...)
        b_k; 1 for a plain decoder.
    """

    sites: Sites
    fields: Array
    inverse_temperatures: Array

    @property
    def effective_fields(self) -> Array:
        """b_k h_k, (sample, site...[, state]): all that the loss knows."""
        return self.fields * self.inverse_temperatures[(...,) + (None,) * self.sites.value_axes]

    @property
    def means(self) -> Array:
        """m_k = d ln Z / d(b_k h_k), (sample, site...[, state])."""
        return self.sites.means(self.effective_fields)

    @property
    def local_energy(self) -> Array:
        """<H_k>, (sample, site...); divided by b_k it is the energy in the bare field (Bernoulli, categorical)."""
        return self.sites.energy(self.effective_fields)

    @property
    def local_log_partition(self) -> Array:
        """Return ln Z_k, (sample, site...)."""
        return self.sites.log_partition(self.effective_fields)

    @property
    def local_entropy(self) -> Array:
        """S_k = <H_k> + ln Z_k, (sample, site...)."""
        return self.local_energy + self.local_log_partition

    @property
    def energy(self) -> Array:
        """<H>, (sample,)."""
        return _total(self.local_energy)

    @property
    def log_partition(self) -> Array:
        """Return ln Z = sum_k ln Z_k, (sample,)."""
        return _total(self.local_log_partition)

    @property
    def entropy(self) -> Array:
        """S = <H> + ln Z, (sample,); differential for Gaussian sites, angles and vectors."""
        return _total(self.local_entropy)

    @property
    def free_energy(self) -> Array:
        """F = -ln Z = <H> - S, (sample,)."""
        return -self.log_partition

    @property
    def heat_capacity(self) -> Array:
        """Var H = dE/dT at T = 1, (sample,); sites/2 for Gaussian ones."""
        return _total(self.sites.energy_variance(self.effective_fields))

    def hamiltonian(self, X: ArrayLike) -> Array:
        """H(x) of one datum a sample, X (sample, site...), (sample,): ln p(x|z) = -H(x) - ln Z."""
        statistics = self.sites.statistics(X)
        if statistics.shape != self.fields.shape:
            raise ValueError(
                f"X must hold one datum a sample, as the fields do: shape {self.inverse_temperatures.shape}, "
                f"got {np.shape(X)}"
            )
        return self.sites.hamiltonian(self.effective_fields, statistics)


def mean_field(p: Distribution, *, gauge: str = "zero-sum") -> MeanField:
    """Read the local fields of a factorised p(x|z), as `BetaVAE.decode` returns it.

    Parameters
    ----------
    p : Distribution
        Batch (sample,), event one datum: `Independent` over Bernoulli, Categorical, VonMises, VonMisesFisher, or Normal
        of unit variance.
        It knows the product b_k h_k only: `inverse_temperatures` are 1 (`mean_field_of` tells them apart).
    gauge : {"zero-sum", "raw"}
        Of categorical fields: "zero-sum" makes the fields of a site sum to zero over states; "raw" leaves them as
        torch has them, ln Z_k = 0.

    Raises
    ------
    NotFactorisedError
        For any other distribution: what came and what would do.
    ValueError
        For parameters that are not finite, no samples, or a normal distribution of other variance.
    """
    check_choice(gauge, GAUGES, "gauge")
    base = _base_of(p)
    sites: Sites
    if isinstance(base, Bernoulli):
        sites, h = BernoulliSites(), base.logits
    elif isinstance(base, Categorical):
        sites, h = CategoricalSites(base.logits.shape[-1], getattr(base, "low", 0)), base.logits
    elif isinstance(base, VonMises):
        sites, h = AngleSites(), base.concentration[..., None] * torch.stack([base.loc.cos(), base.loc.sin()], dim=-1)
    elif isinstance(base, VonMisesFisher):
        sites, h = VectorSites(), base.field
    else:
        sites, h = GaussianSites(), base.loc
        if not bool((base.scale == 1).all()):
            raise ValueError(
                f"the normal distribution has standard deviations from {float(base.scale.min()):g} to "
                f"{float(base.scale.max()):g}, but eq. 17 is of unit variance; divide data and means by them first"
            )
    fields = h.detach().double().cpu().numpy()
    if not fields.size:
        raise ValueError(f"p has no sample or no site: its fields have shape {fields.shape}")
    check_finite(fields, "the table of natural parameters of p(x|z)")
    return _record(sites, fields, None, gauge)


def mean_field_of(vae: BetaVAE, Z: ArrayLike, *, replica: int | None = None, gauge: str = "zero-sum") -> MeanField:
    """Read bare fields h_k and local inverse temperatures b_k of a trained decoder at codes Z.

    Parameters
    ----------
    vae : BetaVAE
        Fitted.
    Z : array-like, (sample, latent)
    replica : int, optional
        By default the one that `transform` uses.
    gauge : {"zero-sum", "raw"}
        As in `mean_field`; "raw" leaves the fields as the decoder writes them.
    """
    check_choice(gauge, GAUGES, "gauge")
    model = model_of(vae, replica)
    z = torch.from_numpy(check_codes(Z, vae.latent_dim)).to(next(model.parameters()).device)
    read = model.likelihood
    with evaluating(vae.engine_["threads"]):
        outputs = [model.decoder(part).float() for part in z.split(_PORTION)]
        h = torch.cat([read.bare_fields(output) for output in outputs]).double().cpu().numpy()
        b = torch.cat([read.inverse_temperatures(output) for output in outputs]).double().cpu().numpy()
    return _record(sites_of(read), h, b, gauge)


def _record(sites: Sites, h: Array, b: Array | None, gauge: str) -> MeanField:
    if sites.has_gauge and gauge == "zero-sum":
        h = h - h.mean(axis=-1, keepdims=True)
    if b is None:
        b = np.ones(h.shape[: h.ndim - sites.value_axes])
    return MeanField(sites, h, b)


def _base_of(p: Distribution) -> Bernoulli | Categorical | Normal | VonMises | VonMisesFisher:
    """Return the distribution of one site; NotFactorisedError unless sites are independent and none is left out."""
    remedy = (
        "a mean field needs Independent(Bernoulli | Categorical | Normal | VonMises | VonMisesFisher, number of site "
        "axes) with batch (sample,), as BetaVAE.decode returns"
    )
    base: Any = p
    while isinstance(base, Independent):
        base = base.base_dist
    if not isinstance(base, (Bernoulli, Categorical, Normal, VonMises, VonMisesFisher)):
        name = " of ".join(_names(p))
        raise NotFactorisedError(f"{name} does not factorise into sites with a local field each; {remedy}")
    if len(p.batch_shape) != 1 or len(p.event_shape) == 0:
        raise NotFactorisedError(
            f"{type(p).__name__} has batch {tuple(p.batch_shape)} and event {tuple(p.event_shape)}: which axes are "
            f"sites of one datum is not said; {remedy}"
        )
    return base


def _names(p: object) -> list[str]:
    if not isinstance(p, Distribution):
        return [f"an object of type {type(p).__name__}"]
    return [type(p).__name__] + (_names(p.base_dist) if isinstance(p, Independent) else [])


def _total(local: Array) -> Array:
    return local.reshape(len(local), -1).sum(axis=1)
