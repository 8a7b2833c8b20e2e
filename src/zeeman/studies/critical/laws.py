"""What is known beforehand of a transition: exponents of universality classes, constants of the BKT transition.

Only the names of model and lattice are looked at, never their temperatures. nu and omega set how fast sizes approach
the limit; both can be given or fitted instead.
"""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np

from zeeman.studies.critical.scaling import Law

__all__ = ["BKT_CUMULANT", "BKT_HELICITY", "BKT_LENGTH", "alternates", "has_bkt_transition", "law_of"]

# U4 = <m^4>/<m^2>^2 = 1.018192 - 0.017922/(ln L + C) on a square torus: M. Hasenbusch, J. Stat. Mech. P08003 (2008),
# here as 1 - U4/3
BKT_CUMULANT = (1 - 1.018192 / 3, 0.017922 / 3)
# Upsilon / T = 2/pi (1 - 16 pi e^(-4 pi)) + 0.318899/(ln L + C): M. Hasenbusch, J. Phys. A 38, 5869 (2005)
BKT_HELICITY = (2 / math.pi * (1 - 16 * math.pi * math.exp(-4 * math.pi)), 0.318899)

# xi/L = 0.7506912 + 0.212430/(ln L + C): ibid.; both are those of spin waves of stiffness 2/pi (1 + X/2) on the torus
BKT_LENGTH = (0.7506912, 0.212430)

# nu, and the exponent of the leading correction to a cumulant: omega, or gamma/nu = 2 - eta where the regular part of
# the susceptibility comes first (two-dimensional Ising, whose omega is 2; q = 3, 4: omega = 4/5, logarithms for 4)
_GAMMA_NU = 1.75  # of the two-dimensional Ising class and at a BKT transition
_PLANE_ISING = Law(1.0, _GAMMA_NU, 0.1)
_CUBIC_ISING = Law(0.629971, 0.82966, 0.1)  # Kos, Poland, Simmons-Duffin & Vichi, JHEP 08 (2016) 036
_POTTS = {2: _PLANE_ISING, 3: Law(5 / 6, 0.8, 0.1), 4: Law(2 / 3, 1.0, 0.5)}
# the cumulant's logarithms are steep in none of the sizes used: XY at L = 8, 16, 32 came out 2.7 % low, whatever the
# priors; Hasenbusch (2008) needs higher powers up to L = 4096
_LOGARITHMS = 0.03
# what a code holds beside the order parameter, or the latter at short range, adds the same b to N <|z|^2> and to
# F = N <|z_k|^2>: xi/L falls by the factor sqrt(F / (F + b)), so A L^(-gamma/nu) = -(xi/L) b / (2 F). On the square
# lattice at T_c xi/L = 0.905, F = 1.09 L^(7/4) / (1 + (2 pi xi/L)^2): A = -14 b, b some tenths of a spin's variance
_BESIDE = 4.0
_VACANCIES = Law(1.0, 1.0, 0.5)  # near a tricritical point the Ising class is approached slowly, by no one power


def law_of(model: Any, signal: str) -> Law:
    """Exponents of the class that `model` belongs to; nothing known for models not listed here."""
    law = _law_of(model, signal)
    return replace(law, amplitude=_BESIDE) if signal == "length" and law.omega == _GAMMA_NU else law


def has_bkt_transition(model: Any) -> bool:
    """XY, or a clock of five states or more, in the plane."""
    kind = type(model).__name__
    planar = model is not None and len(model.lattice.axes) > 1 and model.lattice.name != "cubic"
    return planar and (kind == "XY" or (kind == "Clock" and model.n_states > 4))


def alternates(model: Any) -> bool:
    """Whether the order of a named model changes from site to site."""
    waves = getattr(model, "waves", None)
    return waves is not None and bool(np.ptp(waves()) > 1e-9)


def _mirrored(model: Any) -> bool:
    """Whether turning every other spin makes of a negative coupling a positive one."""
    kind = type(model).__name__
    turns = kind in ("Ising", "BlumeCapel", "XY", "Heisenberg") or (kind == "Clock" and model.n_states % 2 == 0)
    return turns and model.lattice.checkerboard is not None


def _law_of(model: Any, signal: str) -> Law:
    kind = type(model).__name__
    planar = len(model.lattice.axes) > 1 and model.lattice.name != "cubic" if model is not None else False
    if model is None or getattr(model, "second_coupling", 0.0) != 0 or getattr(model, "field", 0.0) != 0:
        return Law()
    if getattr(model, "coupling", 1.0) < 0 and not _mirrored(model):
        return Law()
    if kind in ("Ising", "BlumeCapel"):
        plane = _PLANE_ISING if kind == "Ising" else _VACANCIES
        return plane if planar else _CUBIC_ISING if model.lattice.name == "cubic" else Law()
    if not planar:
        return Law()
    if kind == "Potts":
        return _POTTS.get(model.n_states, Law())
    if kind == "Clock" and model.n_states < 5:
        return {2: _PLANE_ISING, 3: _POTTS[3], 4: _PLANE_ISING}[model.n_states]
    if has_bkt_transition(model):
        # beside the logarithms what fades as the regular part of the susceptibility does, gamma/nu = 2 - eta = 7/4
        constants = {"cumulant": BKT_CUMULANT, "helicity": BKT_HELICITY, "length": BKT_LENGTH}.get(signal)
        if signal != "helicity" and model.lattice.name != "square":
            constants = None  # those of the square's torus; the stiffness differs by 1e-4 on the rhombic one
        return Law(None, _GAMMA_NU, 0.1, constants, _LOGARITHMS if signal == "cumulant" else 0.0)
    return Law()
