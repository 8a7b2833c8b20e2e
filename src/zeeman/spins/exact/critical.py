r"""Transition temperatures of infinite lattices: exact where a proof exists, else the sharpest number and whose it is.

All scale with the coupling: k_B T_c = t |J|. Potts on the square lattice is self-dual at e^K = 1 + sqrt q; on the
triangular and honeycomb lattices duality and the star-triangle relation give v^3 + 3 v^2 = q and
v^3 - 3 q v = q^2 for v = e^K - 1. Three-state clocks are Potts models, four-state clocks two Ising models.
"""

from __future__ import annotations

import math
import reprlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from scipy.optimize import brentq

from zeeman.base.checks import check_positive_integer
from zeeman.spins.lattices import Lattice
from zeeman.spins.models import XY, BlumeCapel, Clock, Heisenberg, Ising, Model, Potts, StateModel, VectorModel

__all__ = [
    "CRITICAL_TEMPERATURE", "TRICRITICAL_CRYSTAL_FIELD", "NoTransition", "Transition", "critical_temperature",
    "potts_critical_energy", "potts_latent_heat", "transitions",
]  # fmt: skip

CRITICAL_TEMPERATURE = {
    "square": 2 / math.log(1 + math.sqrt(2)),
    "triangular": 4 / math.log(3),
    "honeycomb": 2 / math.log(2 + math.sqrt(3)),
}  # of the Ising ferromagnet, in units of J

TRICRITICAL_CRYSTAL_FIELD = 1.965815  # Delta / J = 3.2301797(2) / 1.6431759(1), square lattice

_STRIPS = "infinite strips of circumference 3 to 10, x_h(L) = 1/8, extrapolated in L^-3"
_QIAN = "Qian, Deng & Bloete, Phys. Rev. E 72, 056132 (2005): K = 1.6431759(1)"
_DENG = "Deng, Bloete & Nightingale, Phys. Rev. E 72, 016128 (2005)"
_TOMITA = "Tomita & Okabe, Phys. Rev. B 65, 184405 (2002); tensor networks of 2017-2020 lie up to 1.5 % from it"
_CHEN = "Chen, Xie & Yu, arXiv:1804.05532; another tensor network has 0.9059(2) and 0.9521(2)"


class NoTransition(ValueError):
    """A model that is known to have no transition at T > 0, and why; others are only not recorded."""


@dataclass(frozen=True)
class Transition:
    """Where an infinite lattice changes its phase; `float` of it is the temperature.

    Attributes
    ----------
    temperature, error : float
        In the unit of J, k_B = 1; the error is 0 where the value is exact.
    kind : {"second order", "first order", "BKT", "tricritical"}
    source : str
        Theorem or paper.
    """

    temperature: float
    error: float
    kind: str
    source: str

    @property
    def exact(self) -> bool:
        """Whether the temperature is known in closed form."""
        return self.error == 0

    def __float__(self) -> float:
        return self.temperature

    def scaled(self, factor: float, source: str = "") -> Transition:
        """The same transition of a model whose energies are `factor` times as large."""
        return replace(
            self, temperature=self.temperature * factor, error=self.error * factor,
            source=f"{source}; {self.source}" if source else self.source,
        )  # fmt: skip


def critical_temperature(model: Model) -> Transition:
    """Transition temperature of `model` on the infinite lattice; the upper one where there are two.

    Returns
    -------
    Transition
        Temperature, error, kind and source.

    Raises
    ------
    TypeError
        For what is no model, such as samples or a lattice.
    NoTransition
        A ValueError, where it is known that nothing happens at T > 0, such as on a chain; the text says why.
    ValueError
        If nothing is known of the model; the text says what is.

    Examples
    --------
    >>> from zeeman.spins import Ising, square
    >>> round(float(critical_temperature(Ising(square(8)))), 6)
    2.269185
    """
    return transitions(model)[-1]


def transitions(model: Model) -> tuple[Transition, ...]:
    """All transitions of `model` on the infinite lattice, ascending: two for clocks of five or more states.

    Raises TypeError, NoTransition and ValueError as `critical_temperature` does.
    """
    if not isinstance(getattr(model, "lattice", None), Lattice):
        raise TypeError(
            f"model must be a spin model such as zm.spins.Ising(zm.spins.square(32)), got {reprlib.repr(model)}; from "
            "samples, zm.critical_temperature(dataset, estimator) finds a transition temperature"
        )
    if model.lattice.name == "chain" and isinstance(model, (StateModel, VectorModel)):
        raise NoTransition(
            "a chain with bonds of finite range has no transition at T > 0 (van Hove 1950); see "
            "`zeeman.spins.exact.sum_chain` for what it does"
        )
    rule = next((_RULES[kind] for kind in type(model).__mro__ if kind in _RULES), None)
    if rule is None:
        known = ", ".join(kind.__name__ for kind in _RULES)
        raise ValueError(f"no transition temperature is recorded for {type(model).__name__}; recorded are {known}")
    if getattr(model, "coupling", 0) == 0 and getattr(model, "second_coupling", 0) == 0:
        raise NoTransition("coupling = 0: sites do not interact, so nothing orders at T > 0")
    return rule(model, model.lattice.name)


def potts_critical_energy(n_states: int) -> float:
    """Energy per site of the square-lattice Potts model at T_c, -(1 + 1/sqrt q), in units of J.

    For q > 4 the mean of the two phases that coexist; they lie half a latent heat below and above (Baxter 1973).
    Raises TypeError for q that is no integer, ValueError for q < 2.
    """
    return -(1 + 1 / math.sqrt(check_positive_integer(n_states, "n_states", 2)))


def potts_latent_heat(n_states: int) -> float:
    r"""Latent heat per site of the square-lattice Potts model, in units of J; 0 for q <= 4.

    L = 2 (1 + 1/sqrt q) tanh(theta / 2) prod_(n >= 1) tanh^2(n theta), 2 cosh theta = sqrt q: R. J. Baxter,
    J. Phys. C 6, L445 (1973). Raises TypeError for q that is no integer, ValueError for q < 2.
    """
    q = check_positive_integer(n_states, "n_states", 2)
    if q <= 4:
        return 0.0
    theta = math.acosh(math.sqrt(q) / 2)
    enough = math.ceil(20 / theta)  # factors beyond are 1 to the last bit
    product = math.prod(math.tanh(n * theta) ** 2 for n in range(1, enough + 1))
    return -2 * potts_critical_energy(q) * math.tanh(theta / 2) * product


def _ising(model: Any, lattice: str) -> tuple[Transition, ...]:
    second = getattr(model, "second_coupling", 0.0)
    if model.field != 0:
        refusal = NoTransition if model.coupling > 0 and second >= 0 else ValueError
        raise refusal(
            f"field = {model.field:g}: in a field the ferromagnet has no transition (Lee & Yang 1952), and no exact "
            "temperature of the antiferromagnet's is known; take field = 0"
        )
    if second != 0:
        raise ValueError(f"second_coupling = {second:g}: with second neighbours no transition temperature is recorded")
    if model.coupling < 0 and lattice == "triangular":
        raise NoTransition(
            f"coupling = {model.coupling:g} on the triangular lattice is frustrated: Ising spins have no order at "
            "T > 0 (Wannier 1950)"
        )
    if lattice == "cubic":
        return (_coupling(0.221654626, 5e-9, "Ferrenberg, Xu & Landau, Phys. Rev. E 97, 043301 (2018)", model),)
    source = {"square": "Onsager 1944", "triangular": "Houtappel 1950", "honeycomb": "Houtappel 1950"}[lattice]
    return (Transition(CRITICAL_TEMPERATURE[lattice], 0.0, "second order", source).scaled(abs(model.coupling)),)


def _potts(model: Any, lattice: str) -> tuple[Transition, ...]:
    q, coupling = model.n_states, model.coupling
    if q == 2:
        return tuple(one.scaled(0.5, "Ising of coupling J/2") for one in _ising(_Plain(coupling), lattice))
    if coupling < 0:
        raise ValueError(f"coupling = {coupling:g}: no exact temperature of the Potts antiferromagnet is known")
    if lattice == "cubic":
        if q != 3:
            raise ValueError(f"n_states = {q} on the cubic lattice: q = 2 and 3 are recorded, no other")
        source = "Janke & Villanova, Nucl. Phys. B 489, 679 (1997)"
        return (_coupling(0.550565, 1e-5, source, model, "first order"),)
    kind = "second order" if q <= 4 else "first order"
    source = {"square": "Potts 1952, Beffara & Duminil-Copin 2012"}.get(
        lattice, "Kim & Joseph 1974, Baxter, Temperley & Ashley 1978"
    )
    return (Transition(1 / math.log1p(_POTTS[lattice](q)), 0.0, kind, source).scaled(coupling),)


def _blume_capel(model: Any, lattice: str) -> tuple[Transition, ...]:
    _need_two_sublattices(model, lattice)
    ratio = model.crystal_field / abs(model.coupling)
    if 2 * ratio > model.lattice.coordination:
        raise NoTransition(
            f"crystal_field / coupling = {ratio:g} on the {lattice} lattice: beyond half the coordination number, "
            f"{model.lattice.coordination / 2:g}, the empty state has the lowest energy (Blume 1966, Capel 1966)"
        )
    near = next((known for known in _BLUME_CAPEL if abs(known - ratio) < 1e-6), None)
    if lattice != "square" or near is None:
        known = ", ".join(f"{value:g}" for value in _BLUME_CAPEL)
        raise ValueError(
            f"crystal_field / coupling = {ratio:g} on the {lattice} lattice: no transition temperature is recorded; "
            f"recorded are {known} on the square lattice"
        )
    return (_BLUME_CAPEL[near].scaled(abs(model.coupling)),)


def _clock(model: Any, lattice: str) -> tuple[Transition, ...]:
    p, coupling = model.n_states, model.coupling
    if p in (2, 4):
        found = _ising(_Plain(coupling), lattice)
        return found if p == 2 else tuple(one.scaled(0.5, "two Ising models of coupling J/2") for one in found)
    if p == 3:
        return tuple(
            one.scaled(1.5, "Potts, q = 3, of coupling 3J/2") for one in _potts(_Plain(coupling, n_states=3), lattice)
        )
    if p % 2 and coupling < 0:
        raise ValueError(f"coupling = {coupling:g} with odd n_states = {p}: no transition temperature is recorded")
    _need_two_sublattices(model, lattice)
    if lattice != "square" or p not in _CLOCK:
        raise ValueError(
            f"n_states = {p} on the {lattice} lattice: no transition temperature is recorded; recorded are 2, 3, 4 on "
            "all lattices and 5, 6 on the square lattice"
        )
    return tuple(one.scaled(abs(coupling)) for one in _CLOCK[p])


def _xy(model: Any, lattice: str) -> tuple[Transition, ...]:
    _need_two_sublattices(model, lattice)
    if lattice == "cubic":
        return (_coupling(0.4541659, 1e-6, _DENG, model),)
    if lattice != "square":
        raise ValueError(f"XY on the {lattice} lattice: no transition temperature is recorded; square and cubic are")
    return (Transition(0.89294, 8e-5, "BKT", "Hasenbusch, J. Phys. A 38, 5869 (2005)").scaled(abs(model.coupling)),)


def _heisenberg(model: Any, lattice: str) -> tuple[Transition, ...]:
    _need_two_sublattices(model, lattice)
    if lattice != "cubic":
        raise NoTransition(f"Heisenberg on the {lattice} lattice has no transition at T > 0 (Mermin & Wagner 1966)")
    return (_coupling(0.693003, 2e-6, _DENG, model),)


_RULES: dict[type, Callable[[Any, str], tuple[Transition, ...]]] = {
    Ising: _ising, Potts: _potts, BlumeCapel: _blume_capel, Clock: _clock, XY: _xy, Heisenberg: _heisenberg,
}  # fmt: skip

_POTTS: dict[str, Callable[[float], float]] = {
    # v = e^K - 1; the cubics have one positive root
    "square": math.sqrt,
    "triangular": lambda q: brentq(lambda v: v**3 + 3 * v**2 - q, 0, 1 + q, xtol=1e-15, rtol=1e-15),
    "honeycomb": lambda q: brentq(lambda v: v**3 - 3 * q * v - q * q, 0, 4 * q, xtol=1e-15, rtol=1e-15),
}

_BLUME_CAPEL = {
    0.0: Transition(1.693557, 2e-6, "second order", _STRIPS),
    0.5: Transition(1.565864, 2e-6, "second order", _STRIPS),
    1.0: Transition(1.397298, 2e-6, "second order", _STRIPS),
    1.5: Transition(1.150387, 3e-6, "second order", _STRIPS),
    1.75: Transition(0.955937, 1e-5, "second order", _STRIPS),
    TRICRITICAL_CRYSTAL_FIELD: Transition(1 / 1.6431759, 1e-7 / 1.6431759**2, "tricritical", _QIAN),
}  # by Delta / J

_CLOCK = {
    5: (Transition(0.9029, 1e-4, "BKT", _CHEN), Transition(0.9520, 1e-4, "BKT", _CHEN)),
    6: (Transition(0.7014, 1.1e-3, "BKT", _TOMITA), Transition(0.9008, 6e-4, "BKT", _TOMITA)),
}


@dataclass(frozen=True)
class _Plain:
    """What the rules ask of a model that another one is equal to."""

    coupling: float
    n_states: int = 2
    field: float = 0.0


def _coupling(k: float, error: float, source: str, model: Any, kind: str = "second order") -> Transition:
    """Transition at K = J / T, published as a coupling."""
    found = Transition(1 / k, error / k**2, kind, f"{source}: K = {k:g} +- {error:g}")
    return found.scaled(abs(model.coupling))


def _need_two_sublattices(model: Any, lattice: str) -> None:
    """An antiferromagnet is a mirror image where bonds join two sublattices; frustrated, nothing carries over."""
    if model.coupling < 0 and lattice == "triangular":
        raise ValueError(
            f"coupling = {model.coupling:g} on the triangular lattice is frustrated, and no transition temperature is "
            "recorded"
        )
