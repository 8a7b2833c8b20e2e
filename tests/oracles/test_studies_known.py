"""Exact energies that cards quote, and the plain loops that speeds stand beside, against sums over all states."""

import numpy as np
import pytest

from zeeman import spins
from zeeman.spins import exact
from zeeman.studies import speeds
from zeeman.studies.naive_spins import Plain, PlainIsing
from zeeman.studies.references import energies, ising_torus, known, states
from zeeman.studies.truth import FAMILIES

L4 = spins.square(4)


@pytest.mark.parametrize(
    "model",
    [
        spins.Ising(L4, coupling=-1.3),
        spins.Potts(L4, 2, coupling=0.7),
        spins.Clock(L4, 2, coupling=-0.7),
        spins.Clock(L4, 4, coupling=1.7),
    ],
)
def test_models_that_are_ising_in_other_words_have_its_energy(model):
    found, summed = known(model, 1.9), exact.sum_states(model, 1.9, order=False)
    assert "Kaufman" in found.source
    assert found.energy == pytest.approx(summed.energy, abs=1e-10)
    assert found.specific_heat == pytest.approx(summed.specific_heat, abs=1e-9)


def test_no_value_is_given_where_none_is_exact():
    assert known(spins.XY(spins.square(4)), 1.0) is None
    assert known(spins.Potts(spins.square(16)), 1.0) is None
    assert known(spins.Ising(spins.square(16), field=0.1), 1.0) is None
    # an odd torus frustrates the antiferromagnet: Kaufman's products are the ferromagnet's
    odd = spins.Ising(spins.square(5), coupling=-1.0)
    assert known(odd, 2.0).source == "sum over all states"
    assert known(spins.Ising(spins.square(17), coupling=-1.0), 2.0) is None
    with pytest.raises(ValueError, match="no Ising ferromagnet"):
        ising_torus(spins.Potts(spins.square(16)), 1.0)


def test_an_exact_value_is_written_once():
    """Cards and the truth table take the same one, whichever oracle a case names."""
    for case in (case for family in FAMILIES.values() for case in family if case.oracle not in (states, energies)):
        by_name, by_model = case.oracle(case.model, case.temperature), known(case.model, case.temperature)
        if by_model is not None and np.isfinite(by_name.energy):
            assert by_name.energy == pytest.approx(by_model.energy, abs=1e-6), case.name
            assert by_name.specific_heat == pytest.approx(by_model.specific_heat, abs=1e-5), case.name


@pytest.mark.parametrize(
    ("model", "t"),
    [
        (spins.Potts(L4, 3), 1.0),
        (spins.BlumeCapel(L4, crystal_field=0.7), 1.2),
        (spins.Clock(L4, 5), 0.9),
        (spins.Ising(L4), 2.3),
        (spins.XY(spins.chain(12)), 0.6),
        (spins.Heisenberg(spins.chain(12)), 0.5),
    ],
    ids=lambda value: type(value).__name__,
)
def test_the_plain_loops_sample_the_right_energy(model, t):
    rng = np.random.default_rng(3)
    chains = PlainIsing(model, t, rng) if isinstance(model, spins.Ising) else Plain(model, t, rng)
    chains.advance(500)
    energies = []
    for _ in range(4000):
        chains.advance(10)
        energies.append(float(model.energy(chains.configurations())[0]))
    found = spins.statistics.mean(energies)
    assert abs(found.value - known(model, t).energy) < 5 * found.error


def test_a_speed_is_worth_its_steps_over_twice_tau():
    speed = speeds.Speed("m", "p", "u", 1.0, 1e6, 500.0, 25.0, 1.0)
    assert speed.independent == 10.0
    assert speeds.Speed("m", "p", "u", 1.0, None, 500.0).independent is None


def test_the_time_of_a_known_process_is_found():
    """x' = a x + noise: tau = (1 + a) / (2 (1 - a))."""
    rng, a = np.random.default_rng(0), 0.9
    x = np.zeros((20, 20_000))
    for k in range(1, x.shape[1]):
        x[:, k] = a * x[:, k - 1] + rng.normal(size=20)
    tau, error = speeds.time_of([x, rng.normal(size=x.shape)])
    assert abs(tau - (1 + a) / (2 * (1 - a))) < 5 * error
    assert error < 0.05 * tau


def test_recorded_speeds_become_tables():
    rows = [
        speeds.Speed("Potts", "plain Numba", "metropolis", 0.995, 5e7, 5e4, 50.0, 2.0),
        speeds.Speed("Potts", "zeeman", "wolff", 0.995, 1e8, 1e5, 5.0, 0.1),
        speeds.Speed("Potts", "spinmc", "wolff", 0.995, None, 1e5),
    ]
    found = {
        "speeds": [row.to_dict() for row in rows], "peers": {"spinmc": "0.3.0"}, "date": "2026-11-21",
        "processor": "a processor", "machine": {"platform": "Linux", "versions": {"numba": "0.68"}},
    }  # fmt: skip
    lines = speeds.markdown(found).splitlines()
    assert "| plain Numba | metropolis | 50 M | 1 | 50(2) | 500 | 1 |" in lines
    assert "| zeeman | wolff | 100 M | 2 | 5.00(10) | 10 k | 20 |" in lines
    assert "| spinmc | wolff | – | – | – | – | – |" in lines
