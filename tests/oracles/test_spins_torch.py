"""Coloured updates on a torch device: against enumeration, rings and the other updates; their arithmetic bit by bit."""

import itertools
import math

import numpy as np
import pytest
import torch
from scipy.special import ive

from zeeman.base.random import stream
from zeeman.spins import (
    XY,
    BlumeCapel,
    Clock,
    Heisenberg,
    Ising,
    Potts,
    chain,
    cubic,
    exact,
    honeycomb,
    sample,
    square,
    triangular,
)  # fmt: skip
from zeeman.spins import _kernels_torch as kernels
from zeeman.spins.colours import colours, layout
from zeeman.spins.moves import start
from zeeman.spins.moves.multispin import acceptance
from zeeman.spins.moves.torch import TwoStates
from zeeman.spins.statistics import mean

LATTICES = {
    "chain": chain(8), "chain-odd": chain(7), "square": square(4), "square-odd": square(3), "square-doubled": square(2),
    "triangular": triangular(3), "triangular-even": triangular(4), "honeycomb": honeycomb(2), "cubic": cubic(2),
}  # fmt: skip


def readings(model, method, t, observe, *, seed, n_chains=512, burn_in=60, n_reads=8, spacing=6):
    """Observables (observable, chain, reading) of chains on the torch CPU."""
    rng = stream(seed, "test")
    chains = start(model, method, t, n_chains, "ordered", rng, "cpu")
    chains.advance(burn_in)
    rows = []
    for _ in range(n_reads):
        chains.advance(spacing)
        rows.append(observe(model.turn(chains.configurations(), rng)))
    return np.moveaxis(np.array(rows), 0, -1)


def z_of(series, expected):
    found = mean(series)
    return (found.value - expected) / (found.error + 1e-12)


@pytest.mark.parametrize("name", LATTICES)
@pytest.mark.parametrize(("coupling", "field"), [(1.0, 0.0), (-1.0, 0.0), (1.0, 0.4), (-1.0, 0.5)])
@pytest.mark.parametrize("method", ["metropolis", "heat-bath"])
def test_two_states_against_enumeration(name, coupling, field, method):
    model, t = Ising(LATTICES[name], coupling, field), 2.5 if name[:3] != "tri" else 4.0
    expected = exact.enumerate_states(model, t)

    def observe(x):
        m = x.mean(axis=1)
        return model.energy(x), m, abs(m), m**2, m**4

    series = readings(model, method, t, observe, seed=1)
    names = ("energy", "magnetization", "absolute", "second", "fourth")
    z = {name: z_of(s, getattr(expected, name)) for name, s in zip(names, series, strict=True)}
    assert max(map(abs, z.values())) < 5, z


@pytest.mark.parametrize(
    ("model", "t"),
    [
        (Potts(square(3), 3), 1.0), (Potts(chain(6), 4, -1.0), 0.7), (BlumeCapel(square(3), 1.0, 1.0), 1.0),
        (Clock(square(3), 3), 1.5), (Clock(chain(5), 5), 0.7), (Ising(square(3), 1.0, 0.0, -0.4), 2.0),
        (Ising(square(4), 1.0, 0.3, -0.6), 2.0),
    ],
)  # fmt: skip
@pytest.mark.parametrize("method", ["metropolis", "heat-bath"])
def test_states_against_enumeration(model, t, method):
    n = model.lattice.n_sites
    values = np.asarray(model.states.values)
    every = np.array(list(itertools.product(values, repeat=n)), np.int8)
    energy, order = model.energy(every), model.order(every)
    weight = np.exp(-n * (energy - energy.min()) / t)
    weight /= weight.sum()
    found = readings(
        model, method, t, lambda x: (model.energy(x), model.order(x), model.energy(x) ** 2), seed=2, n_chains=384
    )
    for series, exactly in zip(found, (energy, order, energy**2), strict=True):
        assert abs(z_of(series, weight @ exactly)) < 5


@pytest.mark.parametrize("method", ["metropolis", "heat-bath", "over-relaxation"])
@pytest.mark.parametrize("coupling", [1.0, -1.0])
@pytest.mark.parametrize("t", [0.8, 5.0])
def test_rings_of_vectors(method, coupling, t):
    """Rings of 12 sites by transfer matrix: eigenvalues I_n(K), and i_l(K) (2 l + 1 times)."""
    k, n, orders = 1 / t, 12, np.arange(-40, 41)
    xy = ive(orders, k)
    slope = (ive(orders - 1, k) + ive(orders + 1, k)) / 2
    energy = -(xy ** (n - 1) * slope).sum() / (xy**n).sum()
    series = readings(
        XY(chain(n), coupling), method, t, lambda x: XY(chain(n), coupling).energy(x), seed=3, n_chains=96
    )
    assert abs(z_of(series, energy)) < 5
    degrees = np.arange(30)
    bessel = ive(degrees + 0.5, k)
    slope = (ive(degrees - 0.5, k) + ive(degrees + 1.5, k)) / 2 - bessel / (2 * k)
    weights = 2 * degrees + 1
    energy = -(weights * bessel ** (n - 1) * slope).sum() / (weights * bessel**n).sum()
    model = Heisenberg(chain(n), coupling)
    series = readings(model, method, t, model.energy, seed=4, n_chains=96)
    assert abs(z_of(series, energy)) < 5


@pytest.mark.parametrize("model", [XY(square(4)), Heisenberg(triangular(3)), XY(square(3), -1.0)])
def test_updates_of_vectors_agree_and_obey_schwinger_dyson(model):
    """<|h across s|^2> = (n - 1) T <s . h> at every site, every size and temperature; coloured and Numba energies."""
    t, n = 0.9, model.n_components

    def observe(x):
        s, h = model.vectors(x), model.local_field(x)
        along = (s * h).sum(axis=-1)
        return ((h**2).sum(axis=-1) - along**2 - (n - 1) * t * along).mean(axis=1), model.energy(x)

    found = {
        m: readings(model, m, t, observe, seed=5, n_chains=96) for m in ("metropolis", "heat-bath", "over-relaxation")
    }
    rng = stream(6, "test")
    chains = start(model, "heat-bath", t, 256, "ordered", rng)
    chains.advance(80)
    rows = []
    for _ in range(16):
        chains.advance(4)
        rows.append(model.energy(chains.configurations()))
    other = mean(np.moveaxis(np.array(rows), 0, -1))
    for identity, energy in found.values():
        assert abs(z_of(identity, 0.0)) < 5
        e = mean(energy)
        assert abs(e.value - other.value) < 5 * math.hypot(e.error, other.error)


def test_reflections_cost_no_energy_and_keep_lengths():
    model = Heisenberg(cubic(4))
    chains = start(model, "over-relaxation", 1.0, 8, "random", stream(7, "test"), "cpu")
    before = model.energy(chains.configurations())
    for _ in range(50):
        chains._sweep(kernels.reflected)
    x = chains.configurations()
    np.testing.assert_allclose(model.energy(x), before, atol=2e-6)
    np.testing.assert_allclose(np.linalg.norm(x, axis=-1), 1, atol=1e-6)


@pytest.mark.parametrize("name", LATTICES)
def test_neighbours_differ_in_colour(name):
    lattice = LATTICES[name]
    colour = colours(lattice)
    assert (colour[:, None] != colour[lattice.neighbours]).all()
    expected = 2 if lattice.checkerboard is not None else 4 if name == "triangular-even" else 3
    assert colour.max() + 1 == expected
    order, table, blocks = layout(colour, lattice.neighbours)
    assert [len(set(colour[order[block]])) for block in blocks] == [1] * expected
    np.testing.assert_array_equal(order[table], lattice.neighbours[order])


def test_second_neighbours_differ_in_colour():
    model = Ising(square(6), 1.0, 0.0, -0.5)
    near, _ = model.reach
    colour = colours(model.lattice, near)
    assert (colour[:, None] != colour[near]).all()
    assert colour.max() == 3


def test_packing_is_undone_by_unpacking():
    x = 2 * np.random.default_rng(8).integers(0, 2, (70, 12)).astype(np.int8) - 1
    words = kernels.pack(x)
    assert words.shape == (12, 3)
    np.testing.assert_array_equal(kernels.unpack(words, 70), x)
    np.testing.assert_array_equal(kernels.unpack(words, 96)[70:], np.repeat(x[-1:], 26, axis=0))


def test_flips_follow_the_rule_digit_by_digit():
    """A chain flips if the place of its first random 0 is a 1 of p: chain by chain, in integers."""
    model = Ising(square(4), -1.0, 0.3)
    rng = np.random.default_rng(9)
    chains = TwoStates(model, 2.0, model.start("random", 64, rng), rng, "cpu", acceptance)
    words = torch.from_numpy(rng.integers(-(2**31), 2**31, (96, 8 * 2)).astype(np.int32))
    words[:14, 3] = -1  # chains that stay open beyond the first places
    block = chains.blocks[0]

    def draw(group, index):
        return words[4 * group : 4 * group + 4][:, index - block.start * 2]

    before = kernels.unpack(chains.spins.numpy(), 64)
    kernels.half_sweep(chains.spins, block, chains.table, chains.rule, draw, kernels.first_places)
    after = kernels.unpack(chains.spins.numpy(), 64)
    p, table = acceptance(model, 2.0), chains.table.numpy()
    bits = (words.numpy().view(np.uint32).reshape(96, 8, 2)[..., None] >> np.arange(32, dtype=np.uint32)) & 1
    for place in range(8):
        for k in range(64):
            s = before[k, place]
            broken = int((s == before[k, table[place]]).sum())  # antiferromagnet: equal neighbours break the bond
            first = int("".join(str(1 - b) for b in bits[:, place, k // 32, k % 32]), 2)
            chance = int(p[(s + 1) // 2, broken] * 2.0**96)
            # the rule accepts where the first zero of r, that is the first one of u, meets a one of p
            leading = 1 << (first.bit_length() - 1)
            flips = p[(s + 1) // 2, broken] >= 1 or chance & leading != 0
            assert (after[k, place] != s) == flips
    np.testing.assert_array_equal(after[:, 8:], before[:, 8:])


def test_rule_is_exact_to_ninety_six_places():
    p = np.array([[1e-9, 0.3, 1.0]] * 2)
    law = kernels.rule(p, False)
    assert law.below == (2,)
    numbers = [
        sum(int(w) << shift for w, shift in zip(row, (64, 32, 0), strict=True)) for row in law.places.view(np.uint32)
    ]
    assert numbers == [int(1e-9 * 2.0**96), int(0.3 * 2.0**96)]


def test_kernels_make_every_tensor_on_the_device_of_the_spins(monkeypatch):
    """On the device without memory a tensor that a kernel made elsewhere would clash: the way to a GPU, without one."""
    for name in ("rand", "randn", "randint"):  # there are no generators on that device
        made = getattr(torch, name)
        monkeypatch.setattr(torch, name, lambda *shape, made=made, generator=None, **rest: made(*shape, **rest))
    table, block = torch.zeros(8, 4, dtype=torch.int64, device="meta"), slice(0, 4)
    words = torch.zeros(8, 2, dtype=torch.int32, device="meta")
    law = kernels.rule(acceptance(Ising(square(4), -1.0, 0.3), 2.0), True)
    random = torch.zeros(kernels.PLACES, 4, 2, dtype=torch.int32, device="meta")
    found = list(
        kernels.first_places(words[block], words, table[block], random, law.unlike, law.below, law.places.tolist())
    )
    for q in (2, 3):
        spins = torch.zeros(8, 5, dtype=torch.uint8, device="meta")
        work = torch.zeros(1, q, q, device="meta"), torch.zeros(q, device="meta"), None
        for update in (kernels.state_heat_bath, kernels.state_metropolis):
            found.append(update(spins, block, table, [0] * 4, *work))
    for n in (2, 3):
        vectors = torch.zeros(8, 5, n, device="meta")
        own, h = vectors[block], kernels.field(vectors, block, table, 1.0)
        found += [kernels.turned(own, h, 1.0, None), kernels.vector_heat_bath(own, h, None), kernels.reflected(own, h)]
    assert {answer.device.type for answer in found} == {"meta"}


def test_sample_takes_a_device():
    model = Ising(square(8))
    ds = sample(model, 2.5, 2000, "metropolis", seed=10, n_threads=1, device="cpu")
    again = sample(model, 2.5, 2000, "metropolis", seed=10, n_threads=2, device="cpu")
    assert ds.identical(again)
    assert ds.attrs["device"] == "cpu"
    error = float(ds.energy.std()) / math.sqrt(ds.attrs["effective_sample_size"][0])
    assert abs(float(ds.energy.mean()) - exact.ising_energy(2.5, 8)) < 5 * error


def test_devices_and_methods_that_are_not_there_are_refused():
    with pytest.raises(ValueError, match="bogus"):
        sample(Ising(square(4)), 2.0, 2, device="bogus")
    with pytest.raises(TypeError, match="device must be"):
        sample(Ising(square(4)), 2.0, 2, device=3.5)
    with pytest.raises(ValueError, match="no such update on device 'cpu'"):
        sample(Ising(square(4)), 2.0, 2, "wolff", device="cpu")
