r"""What is known on paper: textbook levels, and every equation of paper 000 as printed and as it should read.

Public oracles. Nothing here uses a basis, a matrix or an eigensolver of this package. The integral behind paper 000:

    I(n, t) = int_0^1 sin^2(pi n z) sin(pi t z) dz = f(t)/2 - [f(t + 2n) + f(t - 2n)]/4,  f(u) = (1 - cos(pi u))/(pi u),

for all real n and t; f is smooth, f(0) = 0.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from fractions import Fraction

import numpy as np
import scipy.linalg
from numpy.typing import ArrayLike, NDArray

from zeeman.base.checks import check_positive_integer

__all__ = [
    "anharmonic_coefficients", "box_element", "box_energy", "box_first_order", "box_mixing", "box_second_order",
    "box_splitting", "box_state", "oscillator_level", "oscillator_linear", "oscillator_quadratic",
    "oscillator_quartic", "paper_first_order", "paper_first_order_printed", "paper_quantum_number_printed",
    "pencil_second_order", "prior_multiplet", "quantum_number", "sine_square_integral",
]  # fmt: skip

Array = NDArray[np.floating]


def box_energy(n: ArrayLike, length: float = 1.0, kinetic: float = 1.0) -> Array:
    """Level n = 1, 2, ... of -A d2/dz2 on [0, L]: A (pi n / L)^2 (paper 000, section 1.2)."""
    return kinetic * (np.pi * np.asarray(n, dtype=float) / length) ** 2


def box_state(n: int, z: ArrayLike, length: float = 1.0) -> Array:
    """sqrt(2/L) sin(pi n z / L), zero outside (paper 000, section 1.2)."""
    z = np.asarray(z, dtype=float)
    return np.where((z >= 0) & (z <= length), math.sqrt(2 / length) * np.sin(np.pi * n * z / length), 0.0)


def sine_square_integral(n: ArrayLike, t: ArrayLike) -> Array:
    """int_0^1 sin^2(pi n z) sin(pi t z) dz for real n and t, with every removable limit (n = t/2, t = 0)."""
    n, t = np.asarray(n, dtype=float), np.asarray(t, dtype=float)
    return 0.5 * _half_wave(t) - 0.25 * (_half_wave(t + 2 * n) + _half_wave(t - 2 * n))


def paper_first_order_printed(n: ArrayLike, t: int, N: float) -> Array:
    r"""E1(n, t) of paper 000, section 2, as printed, with its undefined N.

    (-1)^t [cos(pi t)(4n^2 + t^2 cos(2 pi n) - N^2) + 2n (t sin(2 pi n) sin(pi t) - 2n)] / (2 pi t (t^2 - 4n^2)):
    a pole at n = t/2 unless N = t (infinite there; NaN for N = t, where `paper_first_order` has the limit).
    """
    t = check_positive_integer(t, "t")
    n = np.asarray(n, dtype=float)
    sign = (-1.0) ** t
    above = sign * (4 * n**2 + t**2 * np.cos(2 * np.pi * n) - N**2) - 4 * n**2  # sin(pi t) = 0 for whole t
    with np.errstate(divide="ignore", invalid="ignore"):
        return sign * above / (2 * np.pi * t * (t**2 - 4 * n**2))


def paper_first_order(n: ArrayLike, t: int) -> Array:
    """E1(n, t) of paper 000 with its N read as t: (-1)^t int_0^1 sin^2(pi n z) sin(pi t z) dz, n real, no pole.

    For whole n: 4 n^2 / (pi t (t^2 - 4 n^2)) at odd t, 0 at even t.
    """
    t = check_positive_integer(t, "t")
    return (-1.0) ** t * sine_square_integral(n, t)


def box_first_order(n: ArrayLike, t: float, length: float = 1.0) -> Array:
    """<n| sin(2 pi t z) |n> in the box: 2 I(n, 2 t L). Zero by parity where t L and n are whole."""
    return 2 * sine_square_integral(n, 2 * t * length)


def box_element(m: ArrayLike, n: ArrayLike, t: float, length: float = 1.0) -> Array:
    """<m| sin(2 pi t z) |n> in the box, t real. Paper 000 prints this as its coefficient c_mn: see `box_mixing`."""
    m, n, u = np.asarray(m, dtype=float), np.asarray(n, dtype=float), 2 * t * length
    return 0.5 * (_half_wave(u + m - n) + _half_wave(u - m + n) - _half_wave(u + m + n) - _half_wave(u - m - n))


def box_mixing(m: ArrayLike, n: ArrayLike, t: float, length: float = 1.0, kinetic: float = 1.0) -> Array:
    """First-order share of state m != n in state n: c_mn = <m|V|n> / (E_n - E_m), for V = sin(2 pi t z)."""
    distance = box_energy(n, length, kinetic) - box_energy(m, length, kinetic)
    return box_element(m, n, t, length) / distance


def box_second_order(n: int, t: float, length: float = 1.0, kinetic: float = 1.0, n_terms: int = 4000) -> float:
    """Second order of level n under sin(2 pi t z): sum_m <m|V|n>^2 / (E_n - E_m); terms fall as m^-8.

    For A = L = t = 1: -.0158314 (n = 1), +.0105543 (n = 2).
    """
    n = check_positive_integer(n, "n")
    m = np.delete(np.arange(1, n_terms + 1), n - 1)
    terms = box_element(m, n, t, length) * box_mixing(m, n, t, length, kinetic)
    return float(terms[::-1].sum())


def box_splitting(n: int = 1, m: int = 2, length: float = 1.0) -> float:
    """Splitting of the level {(n, m), (m, n)} of a square box by V = x y, first order: 2 <n|x|m>^2.

    <n|x|m> = -8 L n m / (pi^2 (n^2 - m^2)^2) for odd n - m, else 0. Unit square, (1, 2): .0648911471.
    """
    if (n - m) % 2 == 0:
        return 0.0
    return 2 * (8 * length * n * m / (np.pi**2 * (n**2 - m**2) ** 2)) ** 2


def paper_quantum_number_printed(psi: ArrayLike, z: ArrayLike, length: float = 1.0) -> Array:
    """Quantum number of paper 000 as printed: n = (L/pi) arcsin(L psi^2 / 2) / z."""
    inside = 0.5 * length * np.asarray(psi, dtype=float) ** 2
    return length / np.pi * np.arcsin(_sine(inside)) / np.asarray(z, dtype=float)


def quantum_number(psi: ArrayLike, z: ArrayLike, length: float = 1.0) -> Array:
    """N from psi^2 = (2/L) sin^2(pi n z / L): n = L/(pi z) arcsin(sqrt(L/2) |psi|), right for n <= L/(2 |z|) only."""
    inside = math.sqrt(0.5 * length) * np.abs(np.asarray(psi, dtype=float))
    return length / (np.pi * np.asarray(z, dtype=float)) * np.arcsin(_sine(inside))


def oscillator_level(n: int, dim: int = 1, frequency: float = 1.0) -> tuple[float, int]:
    """Energy w (n + d/2) and degeneracy C(n + d - 1, d - 1) of the n-th level above the ground state."""
    return frequency * (n + 0.5 * dim), math.comb(n + dim - 1, dim - 1)


def prior_multiplet(n: int, dim: int) -> tuple[float, int]:
    """The same for the prior's oscillator -1/2 lap + |z|^2/8 - d/4: energy n/2."""
    return 0.5 * n, math.comb(n + dim - 1, dim - 1)


def oscillator_linear(n: int, g: ArrayLike, frequency: float = 1.0, kinetic: float = 0.5) -> Array:
    """Level n under g z: w (n + 1/2) - A g^2 / w^2, exact (the well moves)."""
    return frequency * (n + 0.5) - kinetic * (np.asarray(g, dtype=float) / frequency) ** 2


def oscillator_quadratic(n: int, g: ArrayLike, frequency: float = 1.0, kinetic: float = 0.5) -> Array:
    """Level n under g z^2: (n + 1/2) sqrt(w^2 + 4 A g), exact (the well stiffens)."""
    return (n + 0.5) * np.sqrt(frequency**2 + 4 * kinetic * np.asarray(g, dtype=float))


def oscillator_quartic(n: int, frequency: float = 1.0, kinetic: float = 0.5) -> tuple[float, float, float]:
    """Orders 0, 1, 2 under g z^4: w (n + 1/2), 3 s^4 (2n^2 + 2n + 1), -2 s^8/w (34n^3 + 51n^2 + 59n + 21).

    s^2 = A/w is the variance of the ground state. More orders: `anharmonic_coefficients`.
    """
    s = kinetic / frequency
    first = 3 * s**2 * (2 * n**2 + 2 * n + 1)
    return frequency * (n + 0.5), first, -2 * s**4 / frequency * (34 * n**3 + 51 * n**2 + 59 * n + 21)


def anharmonic_coefficients(order: int, level: int = 0, power: int = 4) -> list[Fraction]:
    r"""Exact series of a level of -1/2 d2/dx2 + x^2/2 + g x^power: rationals of g^0 .. g^order.

    With psi = exp(-x^2/2) sum_k g^k P_k(x), P_0 monic of degree n and no x^n in later ones, powers of x give

        (j - n) c_kj = (j+2)(j+1)/2 c_k,j+2 - c_k-1,j-p + sum_{i=1}^k e_i c_k-i,j,

    and j = n gives e_k. Ground state of the quartic: 1/2, 3/4, -21/8, 333/16, -30885/128, ... (Bender and Wu, Phys.
    Rev. 184, 1231, 1969, whose H is in other units).
    """
    n, zero = level, Fraction(0)
    energies = [Fraction(2 * n + 1, 2)]
    polynomials: list[dict[int, Fraction]] = []
    for k in range(order + 1):
        c: dict[int, Fraction] = {n: Fraction(1)} if k == 0 else {n: zero}
        before = polynomials[k - 1] if k else {}
        for j in range(n + power * k, -1, -1):
            if j == n:
                if k:
                    energies.append(before.get(n - power, zero) - Fraction((n + 2) * (n + 1), 2) * c.get(n + 2, zero))
                continue
            value = Fraction((j + 2) * (j + 1), 2) * c.get(j + 2, zero) - before.get(j - power, zero)
            value += sum(
                (energies[i] * polynomials[k - i].get(j, zero) for i in range(1, min(k, len(energies) - 1) + 1)), zero
            )
            if value:
                c[j] = value / (j - n)
        polynomials.append(c)
    return energies


def pencil_second_order(
    A: Sequence[ArrayLike], B: Sequence[ArrayLike], n_states: int, gap: float = 1e-9
) -> tuple[Array, Array, Array]:
    r"""Orders 0, 1, 2 of the pencil (A_0 + g A_1 + g^2 A_2) C = (B_0 + g B_1 + g^2 B_2) C E, term by term.

    With C0^T B_0 C0 = 1 and W_mn = c_m^T (A_1 - E_n B_1) c_n: E1 are the eigenvalues of W in a level (one within
    `gap`), and in its good states E2 = sum_{m outside} W_mn^2 / (E_n - E_m) + c_n^T (A_2 - E1 B_1 - E_n B_2) c_n.
    Valid where first order tells the states of a level apart, or second order leaves them alone.

    Returns
    -------
    E0, E1, E2 : ndarray, (n_states,)
    """
    a = [np.asarray(matrix, dtype=float) for matrix in A]
    b = [np.asarray(matrix, dtype=float) for matrix in B]
    zero = np.zeros_like(a[0])
    a, b = a + [zero] * (3 - len(a)), b + [zero] * (3 - len(b))
    levels, C = scipy.linalg.eigh(a[0], b[0])
    first, second = np.zeros(len(levels)), np.zeros(len(levels))
    for inside in np.split(np.arange(len(levels)), np.flatnonzero(np.diff(levels) > gap) + 1):
        E = levels[inside].mean()
        inner = C[:, inside].T @ (a[1] - E * b[1]) @ C[:, inside]
        first[inside], good = np.linalg.eigh(inner)
        states, outside = C[:, inside] @ good, np.setdiff1d(np.arange(len(levels)), inside)
        W = C[:, outside].T @ (a[1] - E * b[1]) @ states
        second[inside] = (W**2 / (E - levels[outside])[:, None]).sum(axis=0)
        for place, c in zip(inside, states.T, strict=True):
            second[place] += c @ (a[2] - first[place] * b[1] - E * b[2]) @ c
    return levels[:n_states], first[:n_states], second[:n_states]


def _half_wave(u: ArrayLike) -> Array:
    """(1 - cos(pi u)) / (pi u) = sin(pi u / 2) sinc(u / 2), smooth through zero."""
    u = np.asarray(u, dtype=float)
    return np.sin(0.5 * np.pi * u) * np.sinc(0.5 * u)


def _sine(value: Array) -> Array:
    if np.any(value > 1 + 1e-12):
        raise ValueError(f"psi is too large for a state of the box: arcsin of {np.max(value):.6g}; psi^2 <= 2/L")
    return np.minimum(value, 1.0)
