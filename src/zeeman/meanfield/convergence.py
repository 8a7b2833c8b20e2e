"""Leader and follower: how far encoder and decoder are from their optima along a training.

With q* the optimal encoder of the present decoder (paper 002, eq. 12) the loss splits exactly,

    loss = beta <KL[q || q*]>  +  (-beta <ln Z>)
           encoder gap            loss of the decoder with its best encoder,

the second being a function of the decoder alone. The paper says that the encoder always converges faster, so that the
decoder leads and the encoder follows (a Stackelberg game). Both parts are measured after every epoch.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from zeeman.base.checks import check_positive_integer
from zeeman.meanfield.encoder import encoder_of_model
from zeeman.vae import BetaVAE, LatentModel

__all__ = ["Convergence", "convergence"]

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Convergence:
    """Gaps along a training; nats a sample, averaged over the judged samples.

    Attributes
    ----------
    epoch : ndarray, (epoch,)
        From 0, before the first step.
    encoder_gap : ndarray, (epoch, replica)
        beta <KL[q || q*]>.
    decoder_loss : ndarray, (epoch, replica)
        -beta <ln Z> of the decoder.
    vae : BetaVAE
        What the training ended with.
    """

    epoch: NDArray[np.integer]
    encoder_gap: Array
    decoder_loss: Array
    vae: BetaVAE

    @property
    def decoder_gap(self) -> Array:
        """-beta <ln Z> minus its least value along the training, (epoch, replica)."""
        return self.decoder_loss - self.decoder_loss.min(axis=0)

    @property
    def share(self) -> Array:
        """Encoder gap over both gaps, (epoch, replica): below 1/2 the decoder is what is left to learn.

        NaN where both vanish.
        """
        both = self.encoder_gap + self.decoder_gap
        return np.divide(self.encoder_gap, both, out=np.full_like(both, np.nan), where=both > 0)

    def closing_epochs(self, fraction: float = 0.1) -> tuple[Array, Array]:
        """First epochs from which encoder gap and decoder gap stay below `fraction` of their own largest value.

        Returns (encoder, decoder), (replica,) each; the gap of an encoder is counted from its last value, since a
        diagonal Gaussian does not reach q*.
        """
        if not 0 < fraction < 1:
            raise ValueError(f"fraction must lie between 0 and 1, got {fraction!r}")
        return tuple(self._closed(gap - gap[-1], fraction) for gap in (self.encoder_gap, self.decoder_gap))  # type: ignore[return-value]

    def _closed(self, gap: Array, fraction: float) -> Array:
        open_ = np.abs(gap) > fraction * np.abs(gap).max(axis=0)
        last = len(gap) - 1 - np.argmax(open_[::-1], axis=0)  # the last epoch at which the gap is open
        after = np.minimum(last + 1, len(gap) - 1)
        return np.where(open_.any(axis=0), self.epoch[after], self.epoch[0]).astype(np.float64)


def convergence(
    X: ArrayLike, *, n_judged: int = 200, rule: str = "auto", tolerance: float = 0.05, **settings: Any
) -> Convergence:
    """Train a `BetaVAE` and measure both gaps before the first step and after every epoch.

    Parameters
    ----------
    X : array-like, (sample, site...)
    n_judged : int
        Samples, the first of X, on which the gaps are measured.
    rule, tolerance
        Of `optimal_encoder`.
    **settings
        Of `BetaVAE`: at most three latents, objective="elbo". An epoch is the unit of time: few samples make it short.
    """
    check_positive_integer(n_judged, "n_judged", minimum=2)
    vae = BetaVAE(**settings)
    array = np.asarray(X)
    gaps: list[list[float]] = []
    losses: list[list[float]] = []

    def look(epoch: int, models: list[LatentModel]) -> None:
        rows = [_gaps(model, array[:n_judged], rule, tolerance) for model in models]
        gaps.append([row[0] for row in rows])
        losses.append([row[1] for row in rows])

    vae.fit(array, callback=look)
    return Convergence(np.arange(len(gaps)), np.array(gaps), np.array(losses), vae)


def _gaps(model: LatentModel, X: NDArray, rule: str, tolerance: float) -> tuple[float, float]:
    states = model.likelihood.states(X).to(next(model.parameters()).device)
    mean, scale = (part.double().cpu().numpy() for part in model.posterior(states))
    found = encoder_of_model(model, states, (mean, scale), model.beta, rule=rule, tolerance=tolerance)
    return found.gap, found.loss
