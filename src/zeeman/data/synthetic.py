"""Synthetic data whose law is written down: independent three-state sites (paper 002, section V.A).

p(x) = 1/4 sum_c prod_k m^c[x_k]: one of four phases, then every site by itself. The disordered phase PM has
m = (1/3, 1/3, 1/3), the polarized P1, P2, P3 have m = .9 for their own state and .05 for the other two.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from zeeman.base.checks import check_positive_integer
from zeeman.base.random import entropy_of, stream
from zeeman.base.types import Seed
from zeeman.data.loaded import Loaded, build

__all__ = ["THREE_STATE_PHASES", "THREE_STATE_PROBABILITIES", "three_states"]

THREE_STATE_PHASES = ("PM", "P1", "P2", "P3")
THREE_STATE_PROBABILITIES: NDArray[np.float64] = np.array(
    [[1 / 3, 1 / 3, 1 / 3], [0.9, 0.05, 0.05], [0.05, 0.9, 0.05], [0.05, 0.05, 0.9]]
)  # (phase, state)


def three_states(size: int = 32, n_samples: int = 12000, seed: Seed = 0) -> Loaded:
    """Draw three-state spins in four phases: X (n_samples, size, size) of 0, 1, 2, in random order.

    Equally many samples of each phase up to one; labels PM, P1, P2, P3. The paper does not give its lattice: `size` is
    ours. The means of the four phases lie in a plane, PM at the centre of the triangle of the others.
    """
    size = check_positive_integer(size, "size", 2)
    n_samples = check_positive_integer(n_samples, "n_samples", 4)
    entropy = entropy_of(seed)
    phase = stream(entropy, "three states/phase").permutation(np.arange(n_samples) % 4)
    below = THREE_STATE_PROBABILITIES.cumsum(axis=1)[phase, :2].astype(np.float32)[:, :, None, None]
    uniform = stream(entropy, "three states/sites").random((n_samples, size, size), dtype=np.float32)
    X = ((uniform >= below[:, 0]).astype(np.int8) + (uniform >= below[:, 1])).astype(np.int8)
    note = f"synthetic: three states on {size} x {size} independent sites, four phases, seed {entropy}"
    return build(
        X, name="three_states", where="three_states", labels=np.array(THREE_STATE_PHASES)[phase], notes=[note],
        site_dims=("x", "y"), attrs={"size": size, "seed": entropy},
    )  # fmt: skip
