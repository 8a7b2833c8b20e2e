"""Trained models as an explorer shows them: one decoder a training, and the data in the units of its means."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from zeeman.report import PageDecoder, export_decoder
from zeeman.vae import BetaVAE

__all__ = ["OUTPUTS", "page_decoders", "samples_in_means"]

OUTPUTS = {"bernoulli": "sigmoid", "categorical": "expectation", "gaussian": "identity"}  # fields to means


def page_decoders(trained: Sequence[BetaVAE]) -> list[PageDecoder | str]:
    """The decoder of every replica of every model in turn; a sentence in place of one that a page cannot run."""
    found: list[PageDecoder | str] = []
    for vae in trained:
        for model in vae.modules_:
            try:
                found.append(
                    export_decoder(
                        model.decoder, latent_dim=vae.latent_dim, output=_output(vae), tempered=bool(vae.tempered)
                    )
                )
            except TypeError as refused:
                found.append(f"This training's decoder does not run in a page: {refused}.")
    return found


def samples_in_means(vae: BetaVAE, X: NDArray) -> NDArray:
    """Data in the units of the means: 0 and 1 for two values, state numbers, or numbers as they are."""
    return np.asarray(vae._likelihood.states(X).numpy())


def _output(vae: BetaVAE) -> str:
    if vae.likelihood_ not in OUTPUTS:
        raise TypeError(f"it reads local fields of the likelihoods {', '.join(OUTPUTS)}, not of {vae.likelihood_}")
    return OUTPUTS[vae.likelihood_]
