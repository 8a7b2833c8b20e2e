"""What a likelihood of independent sites promises: states of data in, channels of a decoder to local fields, nats out.

Symbols: x a datum (site...), h the local fields that a decoder writes, beta_k = sigmoid(last channel) in (0, 1) the
local inverse temperature of a tempered likelihood; the effective field is beta_k h_k.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.distributions import Distribution, kl_divergence

__all__ = ["Likelihood", "check_support"]


class Likelihood(ABC):
    """p(x|z) given the decoder's output; `n_inputs` channels in, `n_outputs` channels out."""

    name: ClassVar[str]
    n_fields: int = 1
    n_inputs: int = 1

    def __init__(self, tempered: bool = False) -> None:
        self.tempered = tempered

    @property
    def is_normalised(self) -> bool:
        """Whether p(x|z) sums to 1 over all x, so that `draw` draws from what `log_prob` weighs."""
        return True

    @property
    def n_outputs(self) -> int:
        """Channels that the decoder writes."""
        return self.n_fields + self.tempered

    def settings(self) -> dict[str, Any]:
        """Return plain values from which `from_settings` rebuilds this likelihood."""
        return {"name": self.name, "tempered": self.tempered}

    def head(self, shape: tuple[int, ...]) -> nn.Module | None:
        """Return a last layer for decoders of a datum of this shape, if the likelihood needs weights of its own."""
        return None

    def site_shape(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        """Return the shape of the sites of a datum of this shape; what components a site has comes last."""
        return shape

    @abstractmethod
    def states(self, X: NDArray) -> Tensor:
        """Return data in the compact form of training; ValueError for a value outside the support."""

    @abstractmethod
    def values(self, states: Tensor) -> Tensor:
        """Return states in the coding of the data, the inverse of `states`."""

    def features(self, x: Tensor) -> Tensor:
        """Return states (sample, site...) as input of an encoder, (sample, channel, site...)."""
        return x.unsqueeze(1).float()

    def bare_fields(self, output: Tensor) -> Tensor:
        """Return h from the decoder's output (sample, channel, site...), without beta_k."""
        return output[:, 0]

    def inverse_temperatures(self, output: Tensor) -> Tensor:
        """Return beta_k in (0, 1), (sample, site...); 1 for a plain likelihood."""
        return torch.sigmoid(output[:, -1]) if self.tempered else torch.ones_like(output[:, 0])

    def fields(self, output: Tensor) -> Tensor:
        """Return effective fields beta_k h_k, (sample, site...) or (sample, site..., state)."""
        h = self.bare_fields(output)
        if not self.tempered:
            return h
        scale = self.inverse_temperatures(output)
        return scale.reshape(*scale.shape, *[1] * (h.ndim - scale.ndim)) * h

    @abstractmethod
    def log_prob(self, fields: Tensor, x: Tensor) -> Tensor:
        """Return ln p(x|z) in nats, (sample,), summed over sites."""

    @abstractmethod
    def distribution(self, fields: Tensor) -> Distribution:
        """Return p(x|z) with batch (sample,) and one datum as event."""

    def mean(self, fields: Tensor) -> Tensor:
        """Return the mean of p(x|z) in the units of the data, (sample, site...)."""
        return self.distribution(fields).mean

    def divergence(self, fields: Tensor, others: Tensor) -> Tensor:
        """Return KL[p(.|fields) || p(.|others)], (sample,), nats."""
        return kl_divergence(self.distribution(fields), self.distribution(others))

    def local_fields(self, fields: Tensor) -> Tensor:
        """Return what acts on the data, h_k in p(x) ~ exp(sum_k h_k x_k); the fields themselves for most."""
        return fields

    @abstractmethod
    def draw(self, fields: Tensor, generator: torch.Generator) -> Tensor:
        """Draw states, (sample, site...)."""


def check_support(X: NDArray, allowed: NDArray[np.bool_], support: str, remedy: str) -> None:
    """Raise ValueError naming the first value of X that is not `allowed`, the support and the remedy."""
    if allowed.all():
        return
    bad = np.argwhere(~allowed)
    first = tuple(int(i) for i in bad[0])
    raise ValueError(
        f"X holds {X[first]} at index {first} ({len(bad)} such values), outside the support of the {support}; {remedy}"
    )
