"""Configurations of every model below, at and above its transition: the picture of docs/models.md.

    python examples/models.py docs/images/models.png

Columns by Swendsen-Wang from ordered starts, 64 x 64 sites; of the cubic Heisenberg model one layer.
"""

from __future__ import annotations

import sys

import numpy as np

from zeeman import plots, spins
from zeeman.plots.phases import Phases, phases
from zeeman.spins import exact, moves

SIZE, SWEEPS = 64, 600
MODELS = {
    "Ising": (spins.Ising(spins.square(SIZE)), (0.85, 1.0, 1.4)),
    "Potts, q = 3": (spins.Potts(spins.square(SIZE)), (0.9, 1.0, 1.3)),
    "Blume-Capel, D = 1": (spins.BlumeCapel(spins.square(SIZE), crystal_field=1.0), (0.8, 1.0, 1.4)),
    "Clock, p = 6": (spins.Clock(spins.square(SIZE)), (0.5, 0.9, 1.4)),
    "XY": (spins.XY(spins.square(SIZE)), (0.5, 1.0, 1.6)),
    "Heisenberg, cubic": (spins.Heisenberg(spins.cubic(SIZE // 2)), (0.6, 1.0, 1.5)),
}


def column(title, model, factors):
    """One model at fractions of its (upper) transition temperature."""
    critical = float(exact.critical_temperature(model))
    pictures, labels = [], []
    for factor in factors:
        t = critical * factor
        chains = moves.start(model, "swendsen-wang", t, 1, "ordered", np.random.default_rng(7))
        chains.advance(SWEEPS)
        x = chains.configurations(1)[0].reshape(*model.lattice.shape, *model.value_axes.values())
        pictures.append(x[0] if len(model.lattice.shape) == 3 else x)
        labels.append(f"T = {t:.2f} = {factor:g} $T_c$" if factor != 1 else f"T = $T_c$ = {t:.4f}")
    return Phases(title, model, labels, np.stack(pictures))


def main():
    path = sys.argv[1] if len(sys.argv) > 1 else "models.png"
    plots.save(phases([column(title, *one) for title, one in MODELS.items()]), path)
    print(path)


if __name__ == "__main__":
    main()
