"""What a trained model is to this room: p(z) p(x|z) of every replica, as a function of z.

Symbols: z a code (sample, latent), p(z) = N(0, 1), p(x|z) a decoder with its likelihood, q(z|x) = N(mean, scale^2) an
encoder. Any `LatentModel` will do, trained or made by hand: an encoder, a decoder and a likelihood.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from numpy.typing import ArrayLike
from sklearn.utils.validation import check_is_fitted
from torch import Tensor

from zeeman.base.checks import check_finite
from zeeman.training import evaluating
from zeeman.vae.inputs import check_data
from zeeman.vae.model import LatentModel
from zeeman.vae.trained import TrainedVAE

__all__ = [
    "LN_2PI",
    "ROWS",
    "Replicas",
    "log_likelihood",
    "log_normal",
    "reading",
    "resolve_models",
    "resolve_replicas",
]

LN_2PI = math.log(2.0 * math.pi)
ROWS = 4096  # codes decoded at once

Replicas = Any  # a fitted BetaVAE, a LatentModel, or a sequence of them


def resolve_models(vae: Replicas) -> list[LatentModel]:
    """Return the replicas of a fitted BetaVAE, or copies of the models given, in evaluation mode."""
    if isinstance(vae, TrainedVAE):
        check_is_fitted(vae)
        return list(vae.modules_)
    models = [vae] if isinstance(vae, LatentModel) else list(vae) if isinstance(vae, Sequence) else []
    if not models or not all(isinstance(model, LatentModel) for model in models):
        raise TypeError(
            f"vae must be a fitted BetaVAE, a LatentModel or a sequence of them, got {type(vae).__name__}; "
            "wrap your own pair as zeeman.vae.LatentModel(encoder, decoder, likelihood)"
        )
    return [copy.deepcopy(model).eval() for model in models]  # someone may be training them


def resolve_replicas(vae: Replicas, X: ArrayLike) -> tuple[list[LatentModel], Tensor]:
    """Return the replicas and X as states (sample, site...) on their device; ValueError for data they cannot read."""
    models = resolve_models(vae)
    known = isinstance(vae, TrainedVAE)
    array = check_data(vae, X, fitting=False) if known else np.asarray(X)
    if array.ndim < 2 or not array.size:
        raise ValueError(f"X must be (sample, ...) with at least one sample, got shape {array.shape}")
    if not known:
        check_finite(array, "X")
    states = models[0].likelihood.states(array).to(device_of(models[0]))
    if not known:
        _check_readable(models[0], states[:2], array.shape)
    return models, states


def _check_readable(model: LatentModel, x: Tensor, shape: tuple[int, ...]) -> None:
    """A bare model does not say what it reads: try two samples; ValueError if its networks refuse."""
    try:
        with torch.no_grad():
            model.log_prob(model.posterior(x)[0], x)
    except RuntimeError as error:
        reason = str(error).partition("\n")[0]
        raise ValueError(f"X has shape {shape}, of which the model cannot read a sample ({reason})") from error


@contextmanager
def reading(vae: Replicas) -> Iterator[None]:
    """No gradients of weights, and the threads that the training found best."""
    with evaluating(vae.engine_["threads"] if isinstance(vae, TrainedVAE) else torch.get_num_threads()):
        yield


def device_of(model: LatentModel) -> torch.device:
    """Return where the model's weights are."""
    return next((p.device for p in model.parameters()), torch.device("cpu"))


def log_likelihood(model: LatentModel, x: Tensor, z: Tensor) -> Tensor:
    """Return ln p(x|z), (draw..., sample), nats, at z (draw..., sample, latent); fields in float32, sums in float64."""
    flat = z.reshape(-1, z.shape[-1]).float()
    rows = x.expand(*z.shape[:-2], *x.shape).reshape(-1, *x.shape[1:])
    parts = zip(flat.split(ROWS), rows.split(ROWS), strict=True)
    values = [model.likelihood.log_prob(model.fields(codes).double(), data) for codes, data in parts]
    return torch.cat(values).reshape(z.shape[:-1])


def log_normal(z: Tensor, mean: Tensor | float = 0.0, scale: Tensor | float = 1.0) -> Tensor:
    """Return ln N(z; mean, diag scale^2), summed over the last axis."""
    scale = torch.as_tensor(scale, dtype=z.dtype, device=z.device)
    return -(0.5 * ((z - mean) / scale).square() + scale.log() + 0.5 * LN_2PI).sum(-1)
