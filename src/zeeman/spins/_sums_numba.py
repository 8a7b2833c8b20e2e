# ruff: noqa: ANN001, ANN202 (Numba infers the types of compiled functions)
"""Plain configurations: sums over sites and bonds of (sample, site) of -1 and +1; symmetries of the lattice."""

from __future__ import annotations

from zeeman.spins._random_numba import jit

__all__ = ["bond_sums", "move", "projections"]


@jit
def bond_sums(x, bonds_of, sums):
    """Write sum_<ij> s_i s_j of every configuration; entries of `bonds_of` equal to the site add 1 each."""
    n, d = bonds_of.shape
    for sample in range(x.shape[0]):
        s = x[sample]
        total = 0
        for i in range(n):
            near = 0
            for k in range(d):
                near += s[bonds_of[i, k]]
            total += near * s[i]
        sums[sample] = total


@jit
def projections(x, weights, sums):
    """Write sum_i w_i s_i of every configuration; weights (site,) int8."""
    for sample in range(x.shape[0]):
        total = 0
        for i in range(weights.size):
            total += x[sample, i] * weights[i]
        sums[sample] = total


@jit
def move(x, shape, sources, which, shifts, out):
    """Write configurations (sample, site, component) shifted by (sample, 3) cells after symmetry sources[which].

    shape: cells along three axes, and sites in a cell.
    """
    a, b, c, d = shape
    for sample in range(x.shape[0]):
        source, (da, db, dc) = sources[which[sample]], shifts[sample]
        site = 0
        for i in range(a):
            for j in range(b):
                row = ((i + da) % a * b + (j + db) % b) * c
                for k in range(c):
                    first = (row + k + dc - (c if k + dc >= c else 0)) * d
                    for n in range(d):
                        for m in range(x.shape[2]):
                            out[sample, site, m] = x[sample, source[first + n], m]
                        site += 1
