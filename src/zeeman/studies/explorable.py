"""Trained models as an explorer shows them: one decoder a training, and the data in the units of its means."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from zeeman.report import Absent, PageDecoder, export_decoder
from zeeman.vae import BetaVAE, CategoricalLikelihood

__all__ = ["OUTPUTS", "page_decoders", "samples_in_means"]

OUTPUTS = {"bernoulli": "sigmoid", "categorical": "expectation", "gaussian": "identity"}  # fields to means


def page_decoders(trained: Sequence[BetaVAE]) -> list[PageDecoder | Absent]:
    """The decoder of every replica of every model in turn, or why a page cannot run it."""
    found: list[PageDecoder | Absent] = []
    for vae in trained:
        output, tempered = OUTPUTS.get(vae.likelihood_), bool(vae.tempered)
        low = vae._likelihood.low if isinstance(vae._likelihood, CategoricalLikelihood) else 0
        for model in vae.modules_:
            if output is None:
                known = ", ".join(OUTPUTS)
                found.append(Absent(f"The explorer reads fields of the likelihoods {known}, not of {vae.likelihood_}."))
                continue
            try:
                found.append(
                    export_decoder(model.decoder, latent_dim=vae.latent_dim, output=output, tempered=tempered, low=low)
                )
            except TypeError as refused:
                shape = [model.likelihood.n_outputs, *vae.sample_shape_]
                reading = {"output": output, "tempered": tempered, "shape": shape, **({"low": low} if low else {})}
                found.append(Absent(f"This training's decoder does not run in a page: {refused}.", reading))
    return found


def samples_in_means(vae: BetaVAE, X: NDArray) -> NDArray | None:
    """Data in the units of the means: 0 and 1 for two values, values of states, or numbers as they are.

    None where a page has no pictures of them, those of likelihoods that are not in `OUTPUTS`.
    """
    likelihood = vae._likelihood
    if likelihood.name not in OUTPUTS:
        return None
    states = likelihood.states(X)
    return np.asarray(states if likelihood.name == "bernoulli" else likelihood.values(states))
