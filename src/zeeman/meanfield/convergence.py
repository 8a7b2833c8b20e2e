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

from zeeman.base.brief import brief
from zeeman.base.checks import check_positive_integer
from zeeman.meanfield.encoder import encoder_of_model
from zeeman.vae import BetaVAE, LatentModel
from zeeman.vae.inputs import configurations

__all__ = ["Convergence", "convergence"]

Array = NDArray[np.float64]


@brief
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
        """Encoder gap over the sum of both gaps, (epoch, replica); NaN where both vanish.

        Near 0 the encoder is where it should be for the present decoder, and the decoder is what is left to learn.
        It is 1 where the decoder's loss is least, near the end: q is a diagonal Gaussian and q* is not.
        """
        both = self.encoder_gap + self.decoder_gap
        return np.divide(self.encoder_gap, both, out=np.full_like(both, np.nan), where=both > 0)

    def lag(self, fraction: float = 0.1) -> Array:
        """Mean `share` over the epochs at which the decoder's gap is above `fraction` of its largest, (replica,).

        Below 1/2 the encoder follows faster than the decoder leads.
        """
        open_ = _open(self.decoder_gap, fraction)
        return np.nanmean(np.where(open_, self.share, np.nan), axis=0)

    def closing_epochs(self, fraction: float = 0.1) -> tuple[Array, Array]:
        """First epochs from which both gaps stay within `fraction` of their largest distance from where they end.

        Returns (encoder, decoder), (replica,) each. An encoder's gap does not end at 0, and it grows while the decoder
        learns something new: `lag` is the fairer measure.
        """
        return self._closed(self.encoder_gap, fraction), self._closed(self.decoder_loss, fraction)

    def _closed(self, gap: Array, fraction: float) -> Array:
        open_ = _open(np.abs(gap - gap[-1]), fraction)
        last = len(gap) - 1 - np.argmax(open_[::-1], axis=0)
        return np.where(open_.any(axis=0), self.epoch[np.minimum(last + 1, len(gap) - 1)], self.epoch[0]).astype(float)


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
    if vae.objective != "elbo":
        raise ValueError(f"the loss splits into both gaps for objective='elbo' only, got {vae.objective!r}")
    array = np.asarray(configurations(X))
    gaps: list[list[float]] = []
    losses: list[list[float]] = []

    def look(epoch: int, models: list[LatentModel]) -> None:
        rows = [_gaps(model, array[:n_judged], rule, tolerance) for model in models]
        gaps.append([row[0] for row in rows])
        losses.append([row[1] for row in rows])

    vae.fit(X, callback=look)
    return Convergence(np.arange(len(gaps)), np.array(gaps), np.array(losses), vae)


def _gaps(model: LatentModel, X: NDArray, rule: str, tolerance: float) -> tuple[float, float]:
    states = model.likelihood.states(X).to(next(model.parameters()).device)
    mean, scale = (part.double().cpu().numpy() for part in model.posterior(states))
    found = encoder_of_model(model, states, (mean, scale), model.beta, rule=rule, tolerance=tolerance)
    return found.gap, found.loss


def _open(gap: Array, fraction: float) -> NDArray[np.bool_]:
    if not 0 < fraction < 1:
        raise ValueError(f"fraction must lie between 0 and 1, got {fraction!r}")
    return gap > fraction * gap.max(axis=0)
