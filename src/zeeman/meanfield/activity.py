"""Whether the code of a trained model carries anything, or has collapsed onto the prior.

Collapse is q(z|x) = p(z) for every x: means 0, widths 1, KL 0, and a decoder that writes the marginal means whatever z
is, with the loss of independent sites, -<sum_k ln p_k(x_k)>.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from zeeman.base.brief import brief
from zeeman.meanfield.encoder import optimal_encoder
from zeeman.meanfield.families import Sites, sites_of
from zeeman.meanfield.replica import replica_of
from zeeman.vae import BetaVAE
from zeeman.vae.inputs import configurations

__all__ = ["Activity", "activity", "independent_sites_loss"]

Array = NDArray[np.float64]
_ACTIVE_VARIANCE = 0.01  # Burda, Grosse, Salakhutdinov 2016, section 5.2


@brief
@dataclass(frozen=True)
class Activity:
    """What the latents of every replica carry.

    Attributes
    ----------
    variances : ndarray, (replica, latent)
        Of the posterior means over samples.
    kl : ndarray, (replica, latent)
        <KL[q(z_j|x) || N(0, 1)]>, nats.
    collapsed_loss : float
        -<ln p(x)> of independent sites, nats.
    loss : ndarray (replica,), or None
        -beta <ln Z> of every decoder with its optimal encoder; None beyond three latents.
    """

    variances: Array
    kl: Array
    collapsed_loss: float
    loss: Array | None

    @property
    def active(self) -> NDArray[np.bool_]:
        """Latents whose posterior means have a variance above 0.01, (replica, latent)."""
        return self.variances > _ACTIVE_VARIANCE

    @property
    def n_active(self) -> NDArray[np.integer]:
        """Active latents of every replica, (replica,)."""
        return self.active.sum(axis=1)

    @property
    def gain(self) -> Array | None:
        """Loss of the collapsed solution minus `loss`, (replica,): what the code is worth, in nats."""
        return None if self.loss is None else self.collapsed_loss - self.loss


def activity(vae: BetaVAE, X: ArrayLike, *, rule: str = "auto", tolerance: float = 2e-2) -> Activity:
    """Measure which latents of a fitted beta-VAE are in use, and what the code is worth against collapse.

    Parameters
    ----------
    vae : BetaVAE
    X : array-like, (sample, site...)
    rule, tolerance
        Of `optimal_encoder`, used for up to three latents.
    """
    number = replica_of(vae, None)
    codes = vae.encode(X)
    mean, scale = codes.mean.astype(np.float64), codes.scale.astype(np.float64)
    kl = 0.5 * (mean**2 + scale**2 - 1 - 2 * np.log(scale)).mean(axis=1)
    loss = None
    if mean.shape[-1] <= 3 and vae.beta > 0:  # without a KL term there is no best encoder
        replicas = range(codes.n_replicas)
        loss = np.array([optimal_encoder(vae, X, replica=r, rule=rule, tolerance=tolerance).loss for r in replicas])
    sites = sites_of(vae.modules_[number].likelihood)
    return Activity(
        mean.var(axis=1), kl, independent_sites_loss(sites, sites.statistics(np.asarray(configurations(X)))), loss
    )


def independent_sites_loss(sites: Sites, statistics: Array) -> float:
    """-<ln p(x)> of independent sites with the means of the data, nats a sample: the loss without a code."""
    return -float(sites.log_prob(sites.fields(statistics.mean(axis=0))[None], statistics).mean())
