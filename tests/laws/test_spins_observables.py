"""Observables against closed forms, naive double loops and planted configurations."""

import gc
import math
import weakref

import numpy as np
import pytest
import xarray as xr

from zeeman.spins import chain, cubic, honeycomb, observables, sample, square, triangular
from zeeman.spins.models import XY, BlumeCapel, Clock, Heisenberg, Ising, Potts
from zeeman.spins.observables import fields
from zeeman.spins.observables.geometry import geometry

LATTICES = [chain(6), square(6), triangular(6), honeycomb(3), cubic(4)]
PLANES = [square(6), triangular(6), honeycomb(5)]
by_name = pytest.mark.parametrize("lattice", LATTICES, ids=repr)
in_the_plane = pytest.mark.parametrize("lattice", PLANES, ids=repr)


def angles(lattice, n, seed=0):
    return np.random.default_rng(seed).uniform(0, 2 * np.pi, (n, *lattice.shape)).astype(np.float32)


def distance(lattice):
    """Length of the shortest vector between two sites on the torus, (site, site)."""
    g = geometry(lattice)
    cells = (g.positions[None] - g.positions[:, None]) @ np.linalg.inv(g.primitive)
    length = lattice.shape[0]
    nearest = cells - length * np.round(cells / length)
    shifts = length * np.stack(np.meshgrid(*[[-1, 0, 1]] * len(g.primitive)), axis=-1).reshape(-1, len(g.primitive))
    return np.min([np.linalg.norm((nearest + shift) @ g.primitive, axis=-1) for shift in shifts], axis=0)


@by_name
def test_neighbours_are_the_sites_at_distance_one(lattice):
    touch = np.zeros((lattice.n_sites,) * 2, bool)
    touch[np.arange(lattice.n_sites)[:, None], lattice.neighbours] = True
    far = distance(lattice)
    np.testing.assert_array_equal(touch, np.isclose(far, 1))
    assert far[far > 1e-9].min() == pytest.approx(1)
    for tails, heads, r in geometry(lattice).columns:
        step = geometry(lattice).positions[heads] - geometry(lattice).positions[tails] - r
        windings = step @ np.linalg.inv(geometry(lattice).primitive) / lattice.shape[0]
        np.testing.assert_allclose(windings, np.round(windings), atol=1e-12)
    listed = np.concatenate([np.stack(column[:2], axis=1) for column in geometry(lattice).columns])
    assert len(listed) == lattice.n_bonds
    assert len(np.unique(np.sort(listed, axis=1), axis=0)) == lattice.n_bonds


@by_name
@pytest.mark.parametrize("kind", ["scalar", "circle", "simplex", "sphere"])
def test_structure_factor_is_the_double_sum(lattice, kind):
    rng = np.random.default_rng(1)
    model, x = {
        "scalar": (Ising(lattice), rng.choice([-1, 1], (2, *lattice.shape)).astype(np.int8)),
        "circle": (XY(lattice), angles(lattice, 2)),
        "simplex": (Potts(lattice, 4), rng.integers(0, 4, (2, *lattice.shape)).astype(np.int8)),
        "sphere": (Heisenberg(lattice), Heisenberg(lattice).start("random", 2, rng)),
    }[kind]
    s = observables.structure_factor(x, model)
    k = observables.wavevectors(lattice)
    v = observables.fields.site_vectors(x, model)
    r = geometry(lattice).positions
    for place in [(0,) * (k.ndim - 1), (1,) * (k.ndim - 1), (*(0,) * (k.ndim - 2), 2)]:
        cosine = np.cos((r[:, None] - r) @ k[place])
        naive = np.einsum("sic,sjc,ij->s", v, v, cosine) / lattice.n_sites
        np.testing.assert_allclose(s[(slice(None), *place)], naive, atol=1e-8)
    m = np.linalg.norm(model.order_parameter(x), axis=1)
    np.testing.assert_allclose(s.reshape(2, -1)[:, 0], lattice.n_sites * m**2, atol=1e-8)
    if lattice.name != "honeycomb":  # Parseval
        np.testing.assert_allclose(s.reshape(2, -1).mean(axis=1), (v**2).sum(axis=2).mean(axis=1), atol=1e-8)


@by_name
def test_a_plane_wave_of_angles_is_one_peak_and_nearest_wave_vectors_are_the_smallest(lattice):
    k = observables.wavevectors(lattice)
    g = geometry(lattice)
    sizes = np.linalg.norm(k.reshape(-1, k.shape[-1]), axis=1)
    smallest = np.linalg.norm(g.smallest, axis=1)
    # listed wave vectors reach from -b/2 to b/2: none but zero is shorter
    assert (sizes[1:] > smallest[0] - 1e-9).all()
    np.testing.assert_allclose(smallest, smallest[0])
    for q in g.smallest:
        x = np.mod(g.positions @ q, 2 * np.pi).reshape(1, *lattice.shape)
        centre, near = observables.peak_structure(x, XY(lattice))
        assert centre[0] == pytest.approx(0, abs=1e-9)
        # cos q.r and sin q.r have N/4 each at +q and at -q
        assert near[0] * len(g.smallest) == pytest.approx(lattice.n_sites / 2, rel=1e-6)


@pytest.mark.parametrize(
    ("model", "length"),
    [
        (Ising(square(6), -1.0), 6),
        (XY(triangular(6), -1.0), 6),
        (XY(honeycomb(4), -1.0), 4),
        (Ising(cubic(4), -1.0), 4),
    ],
)
def test_structure_at_the_wave_vector_of_the_order_is_the_order_parameter(model, length):
    x = model.start("random", 3, np.random.default_rng(2)).reshape(3, *model.lattice.shape)
    centre, _ = observables.peak_structure(x, model)
    np.testing.assert_allclose(centre, model.lattice.n_sites * model.order(x) ** 2, rtol=1e-6)


@by_name
def test_correlation_length_of_a_lorentzian(lattice):
    """S = 1 / (k^2 + xi^-2) with the lattice's own k^2 gives xi back; k^2 -> |k|^2 for long lattices."""
    k = observables.lattice_momentum(lattice)
    s0, s1 = 1 / 0.2, 1 / (k**2 + 0.2)
    found = observables.correlation_length(np.full(100, s0), np.full(100, s1), lattice)
    assert found.value == pytest.approx(1 / math.sqrt(0.2), rel=1e-9)
    assert k / np.linalg.norm(geometry(lattice).smallest[0]) == pytest.approx(1, abs=2 / lattice.shape[0] ** 2)
    if lattice.name in ("chain", "square", "cubic"):
        assert k == pytest.approx(2 * math.sin(math.pi / lattice.shape[0]))
    else:
        scale = {"triangular": 4 / math.sqrt(3), "honeycomb": 4 / 3}[lattice.name]
        assert k == pytest.approx(scale * math.sin(math.pi / lattice.shape[0]))


def test_correlation_length_of_the_ring():
    """Ising ring of any length: S(k) ~ 1 / (1 + t^2 - 2 t cos k), t = tanh(J / T), so xi = sqrt(t) / (1 - t)."""
    model, t = Ising(chain(32)), math.tanh(1.2)
    x = sample(model, 1 / 1.2, 6000, seed=3, n_threads=1).configuration
    found = observables.correlation_length(*observables.peak_structure(x, model), model.lattice)
    assert abs(found.value - math.sqrt(t) / (1 - t)) < 4.5 * found.error
    assert found.error < 0.2


@by_name
def test_helicity_modulus_of_order_and_by_twisting_naively(lattice):
    """A: the ordered state in closed form. B: -T times the second derivative of exp(-H / T) under a twist."""
    xy, heisenberg = XY(lattice, 0.7), Heisenberg(lattice, 0.7)
    ordered = {"triangular": math.sqrt(3), "honeycomb": 1 / math.sqrt(3)}.get(lattice.name, 1.0) * 0.7
    x = np.full((1, *lattice.shape), 2.0, np.float32)
    assert observables.helicity_modulus(x, xy, 0.3)[0] == pytest.approx(ordered, rel=1e-6)
    up = np.zeros((1, *lattice.shape, 3), np.float32)
    up[..., 1] = 1
    assert observables.helicity_modulus(up, heisenberg, 0.3)[0] == pytest.approx(2 / 3 * ordered, rel=1e-6)
    x, t, g = angles(lattice, 1, 4), 0.9, geometry(lattice)
    theta, naive = x.ravel().astype(np.float64), []
    for direction in range(len(g.primitive)):
        first = second = 0.0
        for tails, heads, r in g.columns:
            for i, j in zip(tails, heads, strict=True):
                first += 0.7 * r[direction] * math.sin(theta[j] - theta[i])
                second += 0.7 * r[direction] ** 2 * math.cos(theta[j] - theta[i])
        naive.append((second - first**2 / t) / (g.volume * lattice.n_sites))
    assert observables.helicity_modulus(x, xy, t)[0] == pytest.approx(np.mean(naive), rel=1e-5)


def test_helicity_modulus_does_not_depend_on_the_frame():
    lattice, rng = cubic(4), np.random.default_rng(5)
    model = Heisenberg(lattice)
    x = model.start("random", 2, rng)
    q = np.linalg.qr(rng.standard_normal((3, 3)))[0]
    turned = (x @ q).astype(np.float32)
    np.testing.assert_allclose(
        observables.helicity_modulus(x, model, 1.0), observables.helicity_modulus(turned, model, 1.0), rtol=1e-4
    )
    # rotors in a plane: the XY number for one of three planes
    theta = angles(lattice, 2, 6)
    flat = np.stack([np.cos(theta), np.sin(theta), 0 * theta], axis=-1)
    # 2/3 of the aligning part, which is all at infinite temperature, and 1/3 of the current's
    aligned = observables.helicity_modulus(theta, XY(lattice), 1e12)
    current = observables.helicity_modulus(theta, XY(lattice), 1.0) - aligned
    found = observables.helicity_modulus(flat, model, 1.0)
    np.testing.assert_allclose(found, aligned * 2 / 3 + current / 3, rtol=1e-4)


@in_the_plane
def test_a_planted_pair_of_vortices(lattice):
    """theta = arg (z - a) - arg (z - b) about the centres of two plaquettes, made periodic by an open seam far off."""
    big = {"square": square, "triangular": triangular, "honeycomb": honeycomb}[lattice.name](24)
    g, model = geometry(big), XY(big)
    z = g.positions @ np.array([1, 1j])
    centre = np.mean(z.reshape(24, 24, -1)[[9, 10, 9, 10], [11, 11, 12, 12]].ravel()) + 0.0137
    other = centre + 3 * (g.primitive[0] @ np.array([1, 1j]))
    x = np.mod(np.angle(z - centre) - np.angle(z - other), 2 * np.pi).reshape(1, *big.shape)
    w = observables.vorticity(x, model)
    assert w.sum() == 0
    assert (w == 1).sum() == (w == -1).sum() == 1
    assert np.abs(w).sum() == 2
    faces = z[g.plaquettes]
    for sign, place in ((1, centre), (-1, other)):
        corners = faces.reshape(*w.shape[1:], -1)[w[0] == sign][0]
        assert np.abs(corners - place).max() < 1.6
    assert observables.vortex_density(x, model)[0] == pytest.approx(2 / w.size)


@in_the_plane
def test_vortices_are_neutral_and_as_many_as_random_angles_make(lattice):
    x = angles(lattice, 600, 7)
    w = observables.vorticity(x, XY(lattice)).reshape(600, -1).astype(int)
    assert (w.sum(axis=1) == 0).all()
    share = {"triangular": 1 / 4, "square": 1 / 3}.get(lattice.name)
    if share:  # three random angles surround the centre with probability 1/4, four wind with 1/3
        density = observables.vortex_density(x, XY(lattice))
        assert abs(density.mean() - share) < 5 * density.std() / math.sqrt(600)
    flipped = np.mod(-x, np.float32(2 * np.pi))
    np.testing.assert_array_equal(observables.vorticity(flipped, XY(lattice)).reshape(600, -1), -w)


@pytest.mark.parametrize("p", [4, 5, 6])
def test_vortices_of_clock_states_are_neutral(p):
    x = np.random.default_rng(p).integers(0, p, (50, 6, 6)).astype(np.int8)
    w = observables.vorticity(x, Clock(square(6), p))
    assert (w.reshape(50, -1).sum(axis=1) == 0).all()
    turned = XY(square(6))
    np.testing.assert_allclose(
        observables.helicity_modulus(x, Clock(square(6), p), 0.8),
        observables.helicity_modulus((2 * np.pi / p * x), turned, 0.8), atol=1e-6,
    )  # fmt: skip


def test_vortex_lines_of_the_cube_are_closed():
    """What enters a cube through its faces leaves it: the divergence of the vorticity is zero."""
    w = observables.vorticity(angles(cubic(4), 5), XY(cubic(4))).astype(int)
    assert np.abs(w).sum() > 0
    divergence = sum(np.roll(w[..., k], -1, axis=1 + k) - w[..., k] for k in range(3))
    assert (divergence == 0).all()


def test_potts_and_clock_orders():
    rng = np.random.default_rng(8)
    x = rng.integers(0, 4, (300, 8, 8)).astype(np.int8)
    shares = np.stack([(x == a).mean(axis=(1, 2)) for a in range(4)], axis=1)
    np.testing.assert_allclose(observables.potts_order(x, 4), (4 * shares.max(axis=1) - 1) / 3)
    vector = observables.potts_vector(x, 4)
    np.testing.assert_allclose((vector**2).sum(axis=1), (4 * (shares**2).sum(axis=1) - 1) / 3, atol=1e-12)
    np.testing.assert_allclose(vector, Potts(square(8), 4).order_parameter(x), atol=1e-12)
    np.testing.assert_allclose(observables.potts_order(np.full((1, 5), 3), 4), 1)
    # <m^2> = 1/N for random states
    size = (vector**2).sum(axis=1)
    assert abs(size.mean() - 1 / 64) < 5 * size.std() / math.sqrt(300)
    np.testing.assert_allclose(
        observables.clock_vector(x, 4), observables.clock_vector((np.pi / 2 * x).astype(np.float32)), atol=1e-6
    )
    np.testing.assert_allclose(observables.anisotropy(observables.clock_vector(np.full((1, 9), 5), 6), 6), 1)
    np.testing.assert_allclose(observables.anisotropy([[math.cos(0.2), math.sin(0.2)]], 5), math.cos(1.0))
    with pytest.raises(ValueError, match=r"0\.\.3"):
        observables.potts_order(x + 1, 4)


def test_vacancies_stripes_and_three_sublattices():
    x = np.random.default_rng(9).integers(-1, 2, (20, 6, 6)).astype(np.int8)
    np.testing.assert_allclose(observables.squared_spin(x) + observables.vacancy_density(x), 1)
    np.testing.assert_allclose(observables.squared_spin(x), np.abs(x).mean(axis=(1, 2)))
    energy = BlumeCapel(square(6), crystal_field=1.0).energy(x) - BlumeCapel(square(6)).energy(x)
    np.testing.assert_allclose(observables.squared_spin(x), energy)
    row, column = np.indices((6, 6))
    stripes = np.stack([1 - 2 * (row % 2), 1 - 2 * (column % 2), np.ones((6, 6)), 1 - 2 * ((row + column) % 2)])
    np.testing.assert_allclose(observables.stripe_order(stripes), [1, 1, 0, 0], atol=1e-12)
    np.testing.assert_allclose(observables.stripe_order(stripes, triangular(6)), [1, 1, 0, 1], atol=1e-12)
    phase = (row - column) % 3
    upupdown = np.where(phase == 2, -1, 1)
    free = np.where(phase == 2, 0, np.where(phase == 1, 1, -1))
    found = observables.three_sublattice_order(np.stack([upupdown, free, np.ones((6, 6))]))
    np.testing.assert_allclose(found, [2 / 3, 1 / math.sqrt(3), 0], atol=1e-12)


def test_functions_of_moments():
    rng = np.random.default_rng(10)
    gauss = rng.standard_normal((100_000, 3))
    for n in (1, 2, 3):
        found = observables.binder(gauss[:, :n] if n > 1 else gauss[:, 0])
        assert abs(found.value) < 4.5 * found.error
        ordered = gauss[:, :n] / np.linalg.norm(gauss[:, :n], axis=1, keepdims=True)
        assert observables.binder_cumulant(ordered if n > 1 else ordered[:, 0]) == pytest.approx(2 / (n + 2))
    m = gauss[:, 0]
    full, connected = (observables.susceptibility(m, 2.0, 10, connected=c) for c in (False, True))
    assert abs(full.value - 5) < 4.5 * full.error
    assert abs(connected.value - 5 * (1 - 2 / math.pi)) < 4.5 * connected.error
    c = observables.specific_heat(3 + gauss[:, 1], 2.0, 12)
    assert abs(c.value - 3) < 4.5 * c.error
    assert c.error == pytest.approx(3 * math.sqrt(2 / 100_000), rel=0.2)


def test_labels_stay():

    x = xr.DataArray(
        angles(square(4), 3), dims=("sample", "x", "y"), coords={"temperature": ("sample", [1.0, 1.0, 2.0])}
    )
    model = XY(square(4))
    for found, dims in (
        (observables.helicity_modulus(x, model, 1.0), ("sample",)),
        (observables.vortex_density(x, model), ("sample",)),
        (observables.vorticity(x, model), ("sample", "x", "y")),
        (observables.structure_factor(x, model), ("sample", "kx", "ky")),
        (observables.clock_vector(x), ("sample", "component")),
        (observables.peak_structure(x, model)[1], ("sample",)),
    ):
        assert found.dims == dims
        np.testing.assert_array_equal(found.temperature, [1, 1, 2])


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: observables.vorticity(np.zeros((1, 4)), XY(chain(4))), ValueError, "plaquettes"),
        (lambda: observables.specific_heat(np.arange(9.0), 0.0, 9), ValueError, "temperature must be"),
        (lambda: observables.susceptibility(np.arange(9.0), -1.0, 9), ValueError, "temperature must be"),
        (lambda: observables.vorticity(np.ones((1, 4, 4)), Ising(square(4))), TypeError, "components"),
        (lambda: observables.helicity_modulus(np.ones((1, 4, 4)), Ising(square(4)), 1.0), TypeError, "no rotors"),
        (lambda: observables.helicity_modulus(np.ones((1, 4, 4)), XY(square(4)), 0.0), ValueError, "positive"),
        (lambda: observables.structure_factor(np.ones((1, 5, 5)), XY(square(4))), ValueError, "lattice"),
        (lambda: observables.structure_factor(np.ones(4), XY(square(4))), ValueError, "not empty"),
        (lambda: observables.binder(np.ones((2, 2, 2))), ValueError, "component"),
        (lambda: observables.anisotropy(np.ones(3), 4), ValueError, r"\(sample, 2\)"),
        (lambda: observables.three_sublattice_order(np.ones((2, 6))), ValueError, "triangular"),
        (lambda: observables.potts_order(np.ones((2, 6)), 1), ValueError, "n_states"),
        (lambda: square(1), ValueError, r"square\(length\).* at least 2, got 1: .*own neighbour; take square\(2\)"),
        (lambda: honeycomb(0), ValueError, r"honeycomb\(length\).* at least 2, got 0"),
        (lambda: chain(2.5), TypeError, r"chain\(length\) must be an integer, got 2\.5"),
    ],
)
def test_refusals(call, error, message):
    with pytest.raises(error, match=message):
        call()


def test_a_lattice_takes_its_geometry_along():
    lattice = square(5)
    known = weakref.ref(geometry(lattice))
    assert geometry(lattice) is known()
    del lattice
    gc.collect()
    assert known() is None


@pytest.mark.parametrize("model", [Potts(square(8), 60), Heisenberg(square(8)), Ising(square(8))], ids=repr)
def test_portions_hold_what_the_model_needs(model, monkeypatch):
    """Vectors of 59 components are not taken for four: no portion is larger than it may be, nor much smaller."""
    monkeypatch.setattr(fields, "_CHUNK", 20_000)
    x, sizes = model.start("random", 50, np.random.default_rng(0)), []
    found = fields.per_chunk(x, model, lambda v: sizes.append(v.size) or v[:, 0, 0])
    np.testing.assert_array_equal(found, fields.site_vectors(x, model)[:, 0, 0])
    assert max(sizes) <= 20_000
    assert len(sizes) == 1 or max(sizes) > 10_000
