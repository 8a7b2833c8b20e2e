"""Directions in a field: a unit vector u in d = 2 dimensions (an angle) or d = 3 (a Heisenberg spin), as torch laws.

    p(u|h) = e^{h.u} / Z_d(k), k = |h|;    Z_2 = 2 pi I_0(k),    Z_3 = 4 pi sinh(k) / k,
    <u> = A_d(k) h / k,    A_d = d ln Z_d / dk:    A_2 = I_1 / I_0,    A_3 = coth k - 1/k (Langevin),

densities with respect to the angle and to the area on the sphere (Mardia and Jupp 2000, sections 3.5.4 and 9.3.2). h is
the natural parameter and, in units of temperature, the mean field that the site feels. All functions of h are analytic
in k^2 at h = 0, and are evaluated so: values and gradients are exact there, and nothing overflows at large k.
"""

from __future__ import annotations

import math
from typing import Any, ClassVar

import torch
from torch import Tensor
from torch.distributions import Distribution, VonMises, constraints

__all__ = [
    "TURN",
    "Angles",
    "VonMisesFisher",
    "draw_angles",
    "draw_vectors",
    "field_of_mean",
    "log_partition",
    "mean_vector",
    "variances",
    "wrapped",
]

TURN = 2 * math.pi
_SERIES_BELOW = 0.1  # of k^2
# ln Z_d(k) - ln Z_d(0) = sum_n c_n k^(2n), by products over the zeros of I_0 and of sinh: sums of their inverse powers
_SERIES = {
    2: (1 / 4, -1 / 64, 1 / 576, -11 / 49152, 19 / 614400, -473 / 106168320),
    3: (1 / 6, -1 / 180, 1 / 2835, -1 / 37800, 1 / 467775, -691 / 3831077250),
}
_AT_REST = {2: math.log(TURN), 3: math.log(4 * math.pi)}
_ASYMPTOTIC = 300.0  # concentrations above which 1 - I_1/I_0 is taken from its series
_NEWTON = 8
_LEAST = 1e-12  # of a concentration that is divided by while drawing


class Angles(VonMises):
    """Angles in [0, 2 pi): torch's von Mises law, without its Bessel polynomials and endless rejections.

    `mean` is the mean direction, `variance` the circular one, 1 - A_2.
    """

    @classmethod
    def of_fields(cls, fields: Tensor) -> Angles:
        """Return the law of fields (..., 2)."""
        return cls(torch.atan2(fields[..., 1], fields[..., 0]), _length(fields))

    def __init__(self, loc: Tensor, concentration: Tensor, validate_args: bool | None = None) -> None:
        tiny = torch.finfo(concentration.dtype).tiny
        super().__init__(loc, concentration.clamp_min(tiny), validate_args=validate_args)

    @property
    def fields(self) -> Tensor:
        """h, (..., 2)."""
        return self.concentration.unsqueeze(-1) * torch.stack([self.loc.cos(), self.loc.sin()], dim=-1)

    @property
    def mean(self) -> Tensor:
        """Mean direction, in [0, 2 pi)."""
        return wrapped(self.loc)

    @property
    def variance(self) -> Tensor:
        """Circular variance 1 - A_2(k), in [0, 1]."""
        return 1.0 - self.resultant

    @property
    def resultant(self) -> Tensor:
        """Length A_2(k) of <(cos x, sin x)>."""
        return _ratio(self.concentration, 2) * self.concentration

    def log_prob(self, value: Tensor) -> Tensor:
        """Return k [cos(x - loc) - 1] - ln[2 pi I_0(k) e^-k]."""
        if self._validate_args:
            self._validate_sample(value)
        k = self.concentration
        return -2.0 * k * torch.sin(0.5 * (value - self.loc)) ** 2 - (TURN * torch.special.i0e(k)).log()

    def entropy(self) -> Tensor:
        """Return ln Z_2 - k A_2, nats."""
        return _entropy(self.concentration, 2)

    @torch.no_grad()
    def sample(self, sample_shape: Any = ()) -> Tensor:
        """Draw angles in [0, 2 pi)."""
        shape = self._extended_shape(torch.Size(sample_shape))
        return draw_angles(self.fields.expand(*shape, 2), None)


class Sphere(constraints.Constraint):
    """Unit vectors along the last axis."""

    event_dim = 1

    def check(self, value: Tensor) -> Tensor:
        """Whether lengths are 1 to single precision."""
        return ((value.square().sum(-1) - 1.0).abs() < 1e-4) & (value.shape[-1] == 3)


class VonMisesFisher(Distribution):
    """p(u|h) = |h| / (4 pi sinh |h|) e^{h.u} of unit vectors u, (..., 3), with respect to the area on the sphere.

    Parameters
    ----------
    field : Tensor, (..., 3)
        h: its direction is that of the mean, its length the concentration k >= 0 (0: the uniform law).

    Examples
    --------
    >>> p = VonMisesFisher(torch.tensor([0.0, 0.0, 3.0]))
    >>> p.mean[2]  # 1 / tanh 3 - 1 / 3
    tensor(0.6716)
    """

    arg_constraints: ClassVar = {"field": constraints.independent(constraints.real, 1)}
    support = Sphere()

    def __init__(self, field: Tensor, validate_args: bool | None = None) -> None:
        if field.shape[-1:] != (3,):
            raise ValueError(f"field must be (..., 3), got shape {tuple(field.shape)}")
        self.field = field
        super().__init__(field.shape[:-1], field.shape[-1:], validate_args=validate_args)

    def expand(self, batch_shape: Any, _instance: Any = None) -> VonMisesFisher:
        """Return the same law on a larger batch."""
        return VonMisesFisher(self.field.expand(*batch_shape, 3), validate_args=self._validate_args)

    @property
    def concentration(self) -> Tensor:
        """Length of the field, (...)."""
        return _length(self.field)

    @property
    def mean(self) -> Tensor:
        """A_3(k) h / k, (..., 3)."""
        return mean_vector(self.field)

    @property
    def mode(self) -> Tensor:
        """Mean direction, a unit vector; zero where no direction is preferred."""
        return self.field / self.concentration.unsqueeze(-1).clamp_min(torch.finfo(self.field.dtype).tiny)

    @property
    def variance(self) -> Tensor:
        """Diagonal of the covariance, (..., 3)."""
        along, across = (part.unsqueeze(-1) for part in variances(self.concentration, 3))
        return across + (along - across) * (self.field / self.concentration.unsqueeze(-1).clamp_min(_LEAST)) ** 2

    def log_prob(self, value: Tensor) -> Tensor:
        """Return h.u - ln Z_3."""
        if self._validate_args:
            self._validate_sample(value)
        return (self.field * value).sum(-1) - log_partition(self.field)

    def entropy(self) -> Tensor:
        """Return ln Z_3 - k A_3, nats."""
        return _entropy(self.concentration, 3)

    @torch.no_grad()
    def sample(self, sample_shape: Any = ()) -> Tensor:
        """Draw unit vectors, exactly."""
        return draw_vectors(self.field.expand(self._extended_shape(torch.Size(sample_shape))), None)


def log_partition(h: Tensor) -> Tensor:
    """Return ln Z_d(|h|) of fields (..., d), d = 2 or 3, (...), nats; analytic at h = 0."""
    d = h.shape[-1]
    square = h.square().sum(-1)
    small = square < _SERIES_BELOW
    near = torch.where(small, square, 0.0)
    series = torch.zeros_like(square)
    for coefficient in reversed(_SERIES[d]):
        series = (series + coefficient) * near
    k = torch.where(small, 1.0, square).sqrt()
    far = torch.special.i0e(k).log() if d == 2 else (-torch.expm1(-2.0 * k) / (2.0 * k)).log()
    return _AT_REST[d] + torch.where(small, series, far + k)


def mean_vector(h: Tensor) -> Tensor:
    """Return <u> = A_d(|h|) h / |h| of fields (..., d), (..., d); analytic at h = 0."""
    return _ratio(_length(h), h.shape[-1]).unsqueeze(-1) * h


def variances(k: Tensor, d: int) -> tuple[Tensor, Tensor]:
    """Return Var(u) along the field and across it, A_d' = 1 - (d - 1) A_d / k - A_d^2 and A_d / k, at |h| = k >= 0.

    Where the first is a small difference of large numbers it is taken from 1/k^2 - 1/sinh^2 k (d = 3) or from the
    asymptotic series of I_1 / I_0 (d = 2).
    """
    across = _ratio(k, d)
    direct = 1.0 - (d - 1) * across - (across * k) ** 2
    if d == 3:
        large = k.clamp_min(1.0)
        far = large**-2 - (2.0 * torch.exp(-large) / -torch.expm1(-2.0 * large)) ** 2
        return torch.where(k > 1.0, far, direct), across
    x = 1.0 / k.clamp_min(_ASYMPTOTIC)
    far = x * x * (0.5 + x * (0.25 + x * (0.375 + x * 0.78125)))
    return torch.where(k > _ASYMPTOTIC, far, direct), across


def field_of_mean(mean: Tensor) -> Tensor:
    """Return h with <u> = mean, |mean| < 1, (..., d) in float64: A_d(k) = |mean| by Newton's method.

    It starts at Sra's estimate r (d - r^2) / (1 - r^2) (2012, Computational Statistics 27, 177), good to some percent.
    """
    d = mean.shape[-1]
    r = _length(mean)
    k = r * (d - r * r) / (1.0 - r * r)
    for _ in range(_NEWTON):
        along, across = variances(k, d)
        k = (k - (across * k - r) / along).clamp_min(0.0)
    return mean * torch.where(r > 1e-8, k / r.clamp_min(1e-8), float(d)).unsqueeze(-1)


def wrapped(angle: Tensor) -> Tensor:
    """Return angles in [0, 2 pi), which rounding to single precision can leave."""
    angle = torch.remainder(angle, TURN)
    return torch.where(angle >= TURN, 0.0, angle)


def draw_angles(h: Tensor, generator: torch.Generator | None) -> Tensor:
    """Draw angles in [0, 2 pi) in fields (..., 2), (...), of the fields' dtype.

    Rejection from a wrapped Cauchy law (Best and Fisher 1979, Applied Statistics 28, 152), written for 1 - cos so that
    it holds at any concentration; at least 65 % are accepted, and only what was refused is drawn again.
    """
    flat = _finite(h).reshape(-1, 2).double()
    k = _length(flat).clamp_min(_LEAST)
    root = 1.0 + (1.0 + 4.0 * k * k).sqrt()
    rho = 2.0 * k / (root + (2.0 * root).sqrt())
    excess = (1.0 - rho) ** 2 / (2.0 * rho)  # of the Cauchy law's parameter over 1
    angle = torch.empty_like(k)
    left = torch.arange(len(k), device=k.device)
    while len(left):
        u = torch.rand(3, len(left), generator=generator, dtype=k.dtype, device=k.device)
        versine = 2.0 * torch.sin(0.5 * math.pi * u[0]) ** 2
        e = excess[left]
        drop = e * versine / (e + 2.0 - versine)  # 1 - cos of the proposed angle
        c = k[left] * (e + drop)
        kept = (c.log() - u[1].log() + 1.0 - c) >= 0.0
        half = torch.asin((0.5 * drop).sqrt().clamp_max(1.0))
        angle[left] = torch.where(u[2] < 0.5, 2.0 * half, -2.0 * half)
        left = left[~kept]
    angle = angle + torch.atan2(flat[:, 1], flat[:, 0])
    return wrapped(wrapped(angle).to(h.dtype)).reshape(h.shape[:-1])


def draw_vectors(h: Tensor, generator: torch.Generator | None) -> Tensor:
    """Draw unit vectors in fields (..., 3), (..., 3), of the fields' dtype: the cosine by its inverse cumulative law.

    1 - cos = -ln[1 - v (1 - e^-2k)] / k with v uniform (Ulrich 1984; exact in three dimensions).
    """
    flat = _finite(h).reshape(-1, 3).double()
    k = _length(flat)
    v, turn = torch.rand(2, len(k), generator=generator, dtype=k.dtype, device=k.device)
    safe = k.clamp_min(_LEAST)
    drop = torch.where(k > 1e-8, -torch.log1p(v * torch.expm1(-2.0 * safe)) / safe, 2.0 * v).clamp(0.0, 2.0)
    across = (drop * (2.0 - drop)).sqrt()
    z = torch.where((k > _LEAST).unsqueeze(-1), flat / safe.unsqueeze(-1), flat.new_tensor([0.0, 0.0, 1.0]))
    a, b = _frame(z)
    phase = (TURN * turn).unsqueeze(-1)
    u = (1.0 - drop).unsqueeze(-1) * z + across.unsqueeze(-1) * (phase.cos() * a + phase.sin() * b)
    return (u / _length(u).unsqueeze(-1)).to(h.dtype).reshape(h.shape)


def _frame(z: Tensor) -> tuple[Tensor, Tensor]:
    """Two unit vectors that make an orthonormal frame with z, (vector, 3) (Duff et al. 2017, JCGT 6, 1)."""
    x, y, w = z.unbind(-1)
    sign = torch.where(w < 0, -1.0, 1.0).to(z.dtype)
    c = -1.0 / (sign + w)
    b = x * y * c
    first = torch.stack([1.0 + sign * x * x * c, sign * b, -sign * x], dim=-1)
    return first, torch.stack([b, sign + y * y * c, -y], dim=-1)


def _ratio(k: Tensor, d: int) -> Tensor:
    """Return A_d(k) / k: even and analytic in k, 1/d at 0."""
    small = k * k < _SERIES_BELOW
    near = torch.where(small, k * k, 0.0)
    series = torch.zeros_like(k)
    for n in range(len(_SERIES[d]), 0, -1):
        series = series * near + 2 * n * _SERIES[d][n - 1]
    far = torch.where(small, 1.0, k)
    length = torch.special.i1e(far) / torch.special.i0e(far) if d == 2 else 1.0 / torch.tanh(far) - 1.0 / far
    return torch.where(small, series, length / far)


def _entropy(k: Tensor, d: int) -> Tensor:
    """Return ln Z_d - k A_d, a difference of large numbers, by way of float64."""
    field = torch.nn.functional.pad(k.double().unsqueeze(-1), (0, d - 1))
    return (log_partition(field) - k.double() ** 2 * _ratio(k.double(), d)).to(k.dtype)


def _length(h: Tensor) -> Tensor:
    return torch.linalg.vector_norm(h, dim=-1)


def _finite(h: Tensor) -> Tensor:
    if not bool(torch.isfinite(h).all()):
        raise ValueError("the fields to draw in are not all finite: the training diverged; lower the learning rate")
    return h
