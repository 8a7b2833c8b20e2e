"""Observables of sampled configurations: spin waves, Onsager, the reference tables, and the table of `measure`."""

import math
import re

import numpy as np
import pytest
import xarray as xr

import zeeman as zm
from zeeman import spins
from zeeman.spins import exact, observables
from zeeman.spins.statistics import Estimate, mean

Z = 4.5
TC3 = 0.994972861071817


def sigma(found, expected):
    return abs(found.value - expected) / found.error


def test_stiffness_of_spin_waves():
    """XY on the square lattice: Upsilon = 1 - T/4, e = -2 + T/2, to O(T^2); N - 1 of N modes move."""
    t, n = 0.06, 64
    data = spins.sample(spins.XY(spins.square(8)), t, 3000, seed=1, n_threads=1)
    table = spins.measure(data)
    # the N - 1 modes that move carry T/2 each
    assert (
        abs(table.estimate("energy", t).value - (-2 + t / 2 * (1 - 1 / n)))
        < Z * table.estimate("energy", t).error + t * t / 8
    )
    found = table.estimate("helicity_modulus", t)
    assert abs(found.value - (1 - t / 4 * (1 - 1 / n))) < Z * found.error + t * t / 8
    assert found.error < 3e-4
    assert table.estimate("vortex_density", t).value == 0


@pytest.mark.parametrize("t", [2.0, 3.0])
def test_specific_heat_and_energy_are_onsagers_away_from_the_transition(t):
    """L = 32 differs from the infinite lattice by less than 1e-3 here (Kaufman)."""
    table = spins.measure(spins.sample(spins.Ising(spins.square(32)), t, 3000, seed=2, n_threads=1))
    finite = abs(exact.ising_specific_heat(t, 32) - exact.ising_specific_heat(t))
    assert finite < 2e-3
    assert sigma(table.estimate("specific_heat", t), exact.ising_specific_heat(t, 32)) < Z
    assert sigma(table.estimate("energy", t), exact.ising_energy(t, 32)) < Z


def test_tables_of_small_tori():
    """Potts q = 3 and Blume-Capel at L = 4, by transfer matrices."""
    potts = spins.measure(spins.sample(spins.Potts(spins.square(4), 3), [0.8, TC3, 1.2], 6000, seed=3, n_threads=1))
    expected = {
        0.8: (-1.920045563, 0.965568511938, 0.964106945515, 0.938329735666),
        TC3: (-1.710062276, 0.854003590030, 0.844236323943, 0.762794431467),
        1.2: (-1.386397307, 0.655264263964, 0.629242091242, 0.488968153808),
    }
    for t, (e, order, density, second) in expected.items():
        assert sigma(potts.estimate("energy", t), e) < Z
        assert sigma(potts.estimate("order", t), order) < Z
        assert sigma(potts.estimate("potts_order", t), density) < Z
        assert sigma(potts.estimate("susceptibility", t), 16 / t * second) < Z
    model = spins.BlumeCapel(spins.square(4), crystal_field=1.0)
    table = spins.measure(spins.sample(model, 1.0, 6000, seed=4, n_threads=1))
    row = {"energy": -0.796161732, "order": 0.922782721403, "susceptibility": 16 * 0.860150853184,
           "squared_spin": 0.926505302712, "vacancy_density": 1 - 0.926505302712, "binder": 0.656031428567}  # fmt: skip
    for name, value in row.items():
        assert sigma(table.estimate(name, 1.0), value) < Z, name


def test_moments_of_the_ising_torus():
    tc = exact.CRITICAL_TEMPERATURE["square"]
    table = spins.measure(spins.sample(spins.Ising(spins.square(8)), tc, 8000, seed=5, n_threads=1))
    m1, m2, m4 = 0.777331092787, 0.646911574994, 0.485815234126
    assert sigma(table.estimate("order", tc), m1) < Z
    assert sigma(table.estimate("susceptibility", tc), 64 * m2 / tc) < Z
    assert sigma(table.estimate("susceptibility_connected", tc), 64 * (m2 - m1**2) / tc) < Z
    assert sigma(table.estimate("binder", tc), 1 - m4 / (3 * m2**2)) < Z
    assert sigma(table.estimate("specific_heat", tc), 1.1455592399) < Z


@pytest.mark.parametrize(
    "lattice", [spins.square(4), spins.triangular(3), spins.honeycomb(2), spins.cubic(2)], ids=repr
)
def test_correlation_lengths_of_all_configurations(lattice):
    n, t = lattice.n_sites, 2.8
    bits = (np.arange(2**n)[:, None] >> np.arange(n)) & 1
    x, model = (2 * bits - 1).astype(np.int8), spins.Ising(lattice)
    weights = np.exp(-n * (model.energy(x) + lattice.coordination / 2) / t)
    centre, nearest = (weights @ s for s in observables.peak_structure(x, model))
    expected = math.sqrt(centre / nearest - 1) / observables.lattice_momentum(lattice)
    table = spins.measure(spins.sample(model, t, 6000, seed=n, n_threads=1))
    assert sigma(table.estimate("correlation_length", t), expected) < Z


def test_stiffness_is_zero_where_nothing_is_ordered():
    """<cos> = <(current)^2> / T in the disordered phase: the chain has no stiffness beyond exp(-L / xi)."""
    model = spins.XY(spins.chain(24))
    data = spins.sample(model, 1.0, 6000, seed=6, n_threads=1)
    found = mean(observables.helicity_modulus(data.configuration.values, model, 1.0))
    assert sigma(found, 0.0) < Z
    assert found.error < 0.05


def test_a_clock_of_two_states_is_measured_as_ising():
    """One component: a second one, always zero, would make of Binder's 1/3 a 1/2."""
    clock = spins.sample(spins.Clock(spins.square(4), 2), 2.0, 400, seed=8, n_threads=1)
    ising = clock.assign(configuration=1 - 2 * clock.configuration).assign_attrs(model="Ising")
    tables = zm.spins.measure(clock), zm.spins.measure(ising)
    for name in ("energy", "order", "susceptibility", "binder", "correlation_length"):
        found, expected = (table.estimate(name, 2.0) for table in tables)
        assert (found.value, found.error) == pytest.approx((expected.value, expected.error))
    assert sigma(tables[0].estimate("binder", 2.0), 0.644810791188) < Z  # the exact one, 4 x 4
    assert {"helicity_modulus", "vortex_density", "anisotropy"}.isdisjoint(tables[0].data_vars)
    with pytest.raises(TypeError, match="two states lies on one axis"):
        observables.helicity_terms(clock.configuration.values, spins.Clock(spins.square(4), 2))


def test_shape_print_and_frame_of_the_table():
    data = spins.sample(spins.Clock(spins.square(4), 6), [1.5, 0.5], 300, seed=7, n_threads=1)
    table = zm.spins.measure(data)
    assert isinstance(table, xr.Dataset)
    np.testing.assert_array_equal(table.temperature, [0.5, 1.5])
    names = {
        "energy", "specific_heat", "order", "susceptibility", "susceptibility_connected", "binder",
        "correlation_length", "helicity_modulus", "vortex_density", "anisotropy",
    }  # fmt: skip
    assert set(table.data_vars) == names | {f"{name}_error" for name in names} | {"n_samples"}
    assert list(table.n_samples) == [300, 300]
    text = str(table)
    assert "Clock on square(4)" in text
    for t in (0.5, 1.5):
        assert str(table.estimate("energy", t)) in text
    assert str(table.sel(temperature=0.5)).count("T =") == 1
    frame = table.to_dataframe()
    assert frame.index.name == "temperature"
    assert frame.loc[0.5, "energy"] == table.estimate("energy", 0.5).value
    assert isinstance(table.estimate("energy", 0.5), Estimate)


@pytest.mark.parametrize(
    "model",
    [
        spins.Ising(spins.triangular(3), -0.5, 0.25), spins.Ising(spins.square(4), 1.0, 0.0, -0.7),
        spins.Potts(spins.cubic(2), 5, 2.0), spins.BlumeCapel(spins.honeycomb(2), 1.0, 0.5),
        spins.Clock(spins.chain(5), 7), spins.XY(spins.square(3), -1.0), spins.Heisenberg(spins.cubic(2)),
    ],
    ids=repr,
)  # fmt: skip
def test_the_model_is_found_in_the_attributes(model, tmp_path):
    data = spins.sample(model, 3.0, 40, "metropolis", seed=8, n_threads=1)
    data.to_zarr(tmp_path / "x.zarr", zarr_format=3, consolidated=False)
    again = spins.model_of(xr.open_zarr(tmp_path / "x.zarr", consolidated=False))
    assert type(again) is type(model)
    assert repr(again) == repr(model)
    assert set(spins.measure(data).data_vars) == set(spins.measure(data, model).data_vars)


def test_what_cannot_be_measured_is_told():
    data = spins.sample(spins.Ising(spins.square(4)), 2.0, 40, seed=9)
    with pytest.raises(ValueError, match="give the model itself"):
        spins.model_of(data.assign_attrs(model="Isin"))
    for model, hint in (("ising", "; did you mean 'Ising'"), ("StateModel", ""), ("patterns", "")):  # no models
        with pytest.raises(ValueError, match=f"model '{model}' is none of this package{re.escape(hint)}"):
            spins.model_of(data.assign_attrs(model=model))
    for lattice, hint in (("Lattice", ""), ("Square", "; did you mean 'square'"), ("np", "")):
        with pytest.raises(ValueError, match=f"lattice '{lattice}' is none of this package{re.escape(hint)}"):
            spins.model_of(data.assign_attrs(lattice=lattice))
    with pytest.raises(ValueError, match="do not say model"):
        spins.model_of(xr.Dataset())
    table = spins.measure(data)
    for wrong in (("energi", 2.0), ("energy", 2.1)):
        with pytest.raises(ValueError, match="not in the table, which has"):
            table.estimate(*wrong)
    with pytest.raises(ValueError, match="no 'energy'"):
        spins.measure(data.drop_vars("energy"))


def test_specific_heat_is_the_slope_of_the_energy():
    """C from the variance against de/dT from two temperatures."""
    t, h = 1.2, 0.1
    table = spins.measure(spins.sample(spins.XY(spins.square(6)), [t - h, t, t + h], 5000, seed=10, n_threads=1))
    low, high = (table.estimate("energy", x) for x in (t - h, t + h))
    slope = (high.value - low.value) / (2 * h)
    error = math.hypot(low.error, high.error) / (2 * h)
    c = table.estimate("specific_heat", t)
    # the third derivative of e leaves h^2 / 6 e''' of a per cent or two
    assert abs(c.value - slope) < Z * math.hypot(c.error, error) + 0.03
