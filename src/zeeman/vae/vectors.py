"""Likelihoods of directions: planar spins by their angles, Heisenberg spins by unit vectors, each site in a field h.

    p(x|h) = e^{h.u(x)} / Z_d(|h|),    u(x) = (cos x, sin x) for an angle x in [0, 2 pi), u(x) = x for a unit vector.

The fields h, two or three numbers a site, are natural parameters: what multiplies u in the Boltzmann factor, as in the
Bernoulli and categorical decoders (paper 002, eq. 10-18, of which these are the O(2) and O(3) relatives). A tempered
one writes beta_k h_k. Encoders see u, its components as channels.
"""

from __future__ import annotations

from abc import abstractmethod

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.distributions import Distribution, Independent

from zeeman.vae.directions import (
    TURN,
    Angles,
    VonMisesFisher,
    draw_angles,
    draw_vectors,
    log_partition,
    mean_vector,
    wrapped,
)
from zeeman.vae.sites import Likelihood, check_support

__all__ = ["VonMisesFisherLikelihood", "VonMisesLikelihood", "are_angles", "are_unit_vectors", "fill_a_turn"]

_UNIT = 1e-3  # by which a length may differ from 1
_ROUNDED = float(np.float32(TURN))  # what 2 pi - 0 becomes in single precision


class DirectionLikelihood(Likelihood):
    """What angles and vectors share: everything but how a direction is written down."""

    @abstractmethod
    def vectors(self, x: Tensor) -> Tensor:
        """Return unit vectors u of states x, (sample, site..., component)."""

    def features(self, x: Tensor) -> Tensor:
        """Return u, (sample, component, site...)."""
        return self.vectors(x).movedim(-1, 1)

    def values(self, states: Tensor) -> Tensor:
        """Return angles or vectors as they are."""
        return states

    def bare_fields(self, output: Tensor) -> Tensor:
        """Return h, (sample, site..., component)."""
        return output[:, : self.n_fields].movedim(1, -1)

    def log_prob(self, fields: Tensor, x: Tensor) -> Tensor:
        """Return sum_k h_k.u_k - ln Z_d(|h_k|), (sample,)."""
        return ((fields * self.vectors(x)).sum(-1) - log_partition(fields)).flatten(1).sum(1)

    def divergence(self, fields: Tensor, others: Tensor) -> Tensor:
        """Return sum_k (h - h').<u>_h - ln Z(h) + ln Z(h'), (sample,): the difference of large numbers, in float64."""
        h, other = fields.double(), others.double()
        site = ((h - other) * mean_vector(h)).sum(-1) - log_partition(h) + log_partition(other)
        return site.flatten(1).sum(1).to(fields.dtype)


class VonMisesLikelihood(DirectionLikelihood):
    """Angles x in [0, 2 pi); p(x|h) = exp(h_1 cos x + h_2 sin x) / (2 pi I_0(|h|)).

    `decode(Z)` is `Independent(Angles)`, a `torch.distributions.VonMises` of direction atan2(h_2, h_1) and
    concentration |h|; its mean is the mean direction.
    """

    name = "von_mises"
    n_fields = n_inputs = 2

    def states(self, X: NDArray) -> Tensor:
        """Return angles in single precision."""
        if X.dtype.kind != "f":
            raise ValueError(
                f"the von_mises likelihood takes angles in radians, real numbers, but X holds {X.dtype}; clock states "
                "0..q-1 are categorical, or angles as 2 * np.pi * X / q"
            )
        check_support(
            X, (X >= 0) & (_ROUNDED >= X), "von_mises likelihood, angles in [0, 2 pi) radians",
            "use X % (2 * np.pi) (np.deg2rad first if they are degrees), or choose likelihood='gaussian'",
        )  # fmt: skip
        return wrapped(torch.from_numpy(np.ascontiguousarray(X, dtype=np.float32)))

    def vectors(self, x: Tensor) -> Tensor:
        """Return (cos x, sin x)."""
        return torch.stack([x.cos(), x.sin()], dim=-1)

    def distribution(self, fields: Tensor) -> Distribution:
        """Return independent von Mises variables."""
        return Independent(Angles.of_fields(fields), fields.ndim - 2)

    def draw(self, fields: Tensor, generator: torch.Generator) -> Tensor:
        """Draw an angle a site."""
        return draw_angles(fields, generator)


class VonMisesFisherLikelihood(DirectionLikelihood):
    """Unit vectors x, (sample, site..., 3); p(x|h) = |h| / (4 pi sinh |h|) e^{h.x} on the area of the sphere.

    `decode(Z)` is `Independent(VonMisesFisher)`; its mean is (coth |h| - 1/|h|) h / |h|, inside the sphere.
    """

    name = "von_mises_fisher"
    n_fields = n_inputs = 3

    def site_shape(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        """Return the shape without the components."""
        if len(shape) < 2 or shape[-1] != 3:
            raise ValueError(
                f"the von_mises_fisher likelihood takes unit vectors, X of shape (sample, site..., 3), but a datum has "
                f"shape {shape}; put the components last, X[:, None] for a single site, or choose likelihood='gaussian'"
            )
        return shape[:-1]

    def states(self, X: NDArray) -> Tensor:
        """Return unit vectors in single precision."""
        self.site_shape(X.shape[1:])
        length = np.linalg.norm(X.astype(np.float64, copy=False), axis=-1)
        far = np.argwhere(~(np.abs(length - 1) <= _UNIT))
        if len(far):
            first = tuple(int(i) for i in far[0])
            raise ValueError(
                f"X holds a vector of length {length[first]:.6g} at index {first} ({len(far)} such vectors), but the "
                "von_mises_fisher likelihood takes unit vectors; divide by the lengths, "
                "X / np.linalg.norm(X, axis=-1, keepdims=True), or choose likelihood='gaussian'"
            )
        return torch.from_numpy((X / length[..., None]).astype(np.float32))

    def vectors(self, x: Tensor) -> Tensor:
        """Return x."""
        return x

    def distribution(self, fields: Tensor) -> Distribution:
        """Return independent von Mises-Fisher variables."""
        return Independent(VonMisesFisher(fields), fields.ndim - 2)

    def draw(self, fields: Tensor, generator: torch.Generator) -> Tensor:
        """Draw a unit vector a site."""
        return draw_vectors(fields, generator)


def are_unit_vectors(X: NDArray) -> bool:
    """Whether X is (sample, site..., 3) real numbers, all of unit length along the last axis."""
    if X.ndim < 3 or X.shape[-1] != 3 or X.dtype.kind != "f":
        return False
    return bool((np.abs(np.linalg.norm(X, axis=-1) - 1) <= 1e-4).all())


def are_angles(X: NDArray) -> bool:
    """Whether X are real numbers in [0, 2 pi), which anything can be."""
    return bool(X.dtype.kind == "f" and X.min() >= 0 and X.max() <= _ROUNDED)


def fill_a_turn(X: NDArray) -> bool:
    """Whether X are real numbers in [0, 2 pi) that come near both ends: perhaps angles."""
    return are_angles(X) and bool(X.min() < 0.1 and X.max() > TURN - 0.1)
