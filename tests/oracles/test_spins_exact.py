"""The public oracles against published and independently computed tables, and against one another."""

import math

import numpy as np
import pytest

from zeeman.spins import Ising, chain, cubic, exact, honeycomb, square, triangular

TC = exact.CRITICAL_TEMPERATURE["square"]

INFINITE = [  # T, u, m, f, C
    (1.0, -1.99716020411225, 0.999275751957061, -2.00034828370071, 0.0233795646865),
    (1.5, -1.95111657307838, 0.986499602621494, -2.00844318542431, 0.197274540177),
    (2.0, -1.74556457531255, 0.911319377877496, -2.05158562538984, 0.724871448602),
    (2.2, -1.54648914409845, 0.784755131383922, -2.09074610421327, 1.41427769134),
    (2.3, -1.34286638769593, 0.0, -2.11962889900109, 1.82236868612),
    (2.5, -1.10607920374579, 0.0, -2.19840955193737, 0.861698356831),
    (3.0, -0.81730959250242, 0.0, -2.44764819557316, 0.401379575896),
    (4.0, -0.557272240628491, 0.0, -3.03642591414182, 0.171188411476),
]

TORUS = {  # L: E/N at T = 2.0, Tc, 2.5, and C/N at Tc
    4: (-1.755380288777, -1.565623787638, -1.379116482259, 0.78326682593),
    6: (-1.747328817918, -1.516873124568, -1.280077748297, 0.99658181892),
    8: (-1.745683170293, -1.491589107440, -1.222320643251, 1.1455592399),
    12: (-1.745450986420, -1.465960816486, -1.160089891137, 1.3529506829),
    16: (-1.745530668991, -1.453064852813, -1.131317984411, 1.4987049594),
    24: (-1.745563114062, -1.440133496057, -1.111558610202, 1.7027336877),
    32: (-1.745564527035, -1.433658466146, -1.107291660978, 1.84676759),
    64: (-1.745564575313, -1.423938389833, -1.106082992472, 2.1922113931),
    128: (-1.745564575313, -1.419076272085, -1.106079203804, 2.5363313351),
}


@pytest.mark.parametrize(("t", "u", "m", "f", "c"), INFINITE)
def test_infinite_lattice(t, u, m, f, c):
    assert exact.ising_energy(t) == pytest.approx(u, rel=1e-13)
    assert exact.ising_magnetization(t) == pytest.approx(m, rel=1e-13)
    assert exact.ising_free_energy(t) == pytest.approx(f, rel=1e-13)
    assert exact.ising_specific_heat(t) == pytest.approx(c, rel=1e-9)


def test_critical_point_of_the_infinite_lattice():
    assert exact.ising_energy(TC) == pytest.approx(-math.sqrt(2), abs=1e-13)
    assert exact.ising_free_energy(TC) == pytest.approx(-2.10965114460821, rel=1e-13)
    assert exact.ising_specific_heat(TC) > 15  # diverges as -ln |T - T_c|: infinite but for rounding
    assert not np.isnan(exact.ising_specific_heat(TC * (1 + 1e-16 * np.arange(-9, 10)))).any()


@pytest.mark.parametrize("size", TORUS)
def test_torus(size):
    energy, heat = exact.ising_energy([2.0, TC, 2.5], size), exact.ising_specific_heat(TC, size)
    np.testing.assert_allclose(energy, TORUS[size][:3], rtol=0, atol=2e-12)
    assert heat == pytest.approx(TORUS[size][3], rel=1e-8)


@pytest.mark.parametrize("size", [2, 3, 4])
@pytest.mark.parametrize("t", [0.4, 1.7, TC, 3.0, 40.0])
def test_torus_equals_enumeration(size, t):
    sums = exact.enumerate_states(Ising(square(size)), t)
    assert sums.energy == pytest.approx(exact.ising_energy(t, size), abs=1e-12)
    assert sums.specific_heat == pytest.approx(exact.ising_specific_heat(t, size), abs=1e-10)
    assert -t * sums.log_z / size**2 == pytest.approx(exact.ising_free_energy(t, size), rel=1e-12)


@pytest.mark.parametrize("size", [None, 4, 128])
@pytest.mark.parametrize("t", [1e-4, 0.01, 0.05, 1e3, 1e5])
def test_any_temperature(size, t):
    high = -2 / t  # first term of the series in 1/T
    energy = exact.ising_energy(t, size)
    assert energy == pytest.approx(-2.0 if t < 1 else high, rel=1e-5, abs=1e-10)
    assert np.isfinite(exact.ising_free_energy(t, size))


@pytest.mark.parametrize(
    ("t", "expected"),
    [  # mean |m|, m2, m4, U4 at L = 4
        (2.0, (0.918943267402, 0.868921681642, 0.804530078689, 0.644810791188)),
        (TC, (0.843860444813, 0.761358908569, 0.665691213267, 0.617199318412)),
        (2.5, (0.764712393222, 0.654825756937, 0.538318766756, 0.581527659120)),
    ],
)
def test_moments_by_enumeration(t, expected):
    sums = exact.enumerate_states(Ising(square(4)), t)
    np.testing.assert_allclose((sums.absolute, sums.second, sums.fourth, sums.binder), expected, atol=1e-11)
    mirror = exact.enumerate_states(Ising(square(4), coupling=-1.0), t)
    found = (mirror.staggered_absolute, mirror.staggered_second, mirror.staggered_fourth)
    np.testing.assert_allclose(found, expected[:3], atol=1e-11)


@pytest.mark.parametrize("lattice", [chain(7), square(3), triangular(3), honeycomb(2), cubic(2)])
def test_enumeration_equals_a_plain_sum_over_configurations(lattice):
    model, t, n = Ising(lattice, coupling=-0.7, field=0.3), 1.3, lattice.n_sites
    spins = 2 * ((np.arange(2**n)[:, None] >> np.arange(n)) & 1) - 1
    energy = sum(-0.7 * -0.5 * (spins * spins[:, lattice.neighbours[:, k]]).sum(1) for k in range(lattice.coordination))
    energy = energy - 0.3 * spins.sum(1)
    np.testing.assert_allclose(model.energy(spins) * n, energy, atol=1e-10)
    weight = np.exp(-energy / t)
    sums = exact.enumerate_states(model, t)
    assert sums.log_z == pytest.approx(np.log(weight.sum()), rel=1e-12)
    assert sums.energy == pytest.approx((weight @ energy) / weight.sum() / n, rel=1e-12)
    assert sums.magnetization == pytest.approx((weight @ spins.mean(1)) / weight.sum(), rel=1e-10)


@pytest.mark.parametrize(("k", "energy"), [(0.5, -0.462117157), (1.0, -0.761594156), (2.0, -0.964027580)])
def test_long_chain(k, energy):
    # on a ring of N sites tanh K is corrected by (tanh K)^(N - 2) / cosh^2 K
    ring = exact.enumerate_states(Ising(chain(20)), 1 / k).energy
    x = math.tanh(k)
    assert -(x + x**19) / (1 + x**20) == pytest.approx(ring, rel=1e-12)
    assert -x == pytest.approx(energy, rel=1e-8)


def test_refusals():
    with pytest.raises(ValueError, match="positive and finite"):
        exact.ising_energy(-1.0)
    with pytest.raises(ValueError, match="size"):
        exact.ising_energy(2.0, size=1)
    with pytest.raises(ValueError, match="enumeration takes"):
        exact.enumerate_states(Ising(square(6)), 2.0)
