"""At the door: one replica of a fitted beta-VAE, and the beta it is asked about."""

from __future__ import annotations

import numpy as np
from sklearn.utils.validation import check_is_fitted

from zeeman.base.checks import check_positive_integer
from zeeman.vae import BetaVAE, LatentModel

__all__ = ["check_beta", "model_of", "replica_of"]


def replica_of(vae: BetaVAE, replica: int | None) -> int:
    """Return the number of a replica: the one asked for, or the one that `transform` uses."""
    if not isinstance(vae, BetaVAE):
        raise TypeError(f"vae must be a fitted zeeman.BetaVAE, got {type(vae).__name__}")
    check_is_fitted(vae)
    if replica is None:
        return vae.best_replica_
    check_positive_integer(replica, "replica", minimum=0)
    if replica >= len(vae.modules_):
        raise ValueError(f"replica must be below the number of replicas, {len(vae.modules_)}, got {replica}")
    return replica


def model_of(vae: BetaVAE, replica: int | None) -> LatentModel:
    """Return the network of a replica, in evaluation mode."""
    number = replica_of(vae, replica)
    return vae.modules_[number]


def check_beta(beta: float) -> float:
    """Return a finite positive beta."""
    if not np.isfinite(beta) or beta <= 0:
        raise ValueError(f"beta must be a positive number, got {beta!r}; at beta = 0 the optimal code is a point")
    return float(beta)
