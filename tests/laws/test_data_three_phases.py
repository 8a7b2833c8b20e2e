"""Laws of the three-phase data set: energies, order, balance, independence of how it was written."""

import numpy as np
import pytest

from zeeman import spins
from zeeman.base.random import stream
from zeeman.data import generate_to, load, open_dataset, three_phases
from zeeman.data.generate import DISORDERED, ORDERED, _piece_lengths, three_phases_to


@pytest.fixture(scope="module")
def ds():
    return three_phases(size=16, n_samples=3000, seed=1)


def test_thirds_temperatures_and_signs_are_balanced(ds):
    states, counts = np.unique(ds.state, return_counts=True)
    assert dict(zip(states.tolist(), counts.tolist(), strict=True)) == {
        "FM+": 500, "FM-": 500, "AFM+": 500, "AFM-": 500, "PM": 1000,
    }  # fmt: skip
    for phase, couplings, temperatures in (("FM", [1], ORDERED), ("AFM", [-1], ORDERED), ("PM", [-1, 1], DISORDERED)):
        part = ds.where(ds.phase == phase, drop=True)
        assert np.unique(part.coupling).tolist() == couplings
        values, counts = np.unique(part.temperature, return_counts=True)
        assert values.tolist() == list(temperatures)
        assert np.ptp(counts) <= len(couplings)


def test_states_are_the_signs_of_the_order_parameters(ds):
    m, staggered = spins.magnetization(ds.configuration), spins.staggered_magnetization(ds.configuration)
    for phase, order in (("FM", m), ("AFM", staggered)):
        for sign, word in ((1, "+"), (-1, "-")):
            assert (sign * order[(ds.state == phase + word).values] > 0).mean() > 0.999
    assert float(abs(m[(ds.phase == "FM").values]).mean()) > 0.9
    assert float(abs(m[(ds.phase != "FM").values]).mean()) < 0.15


def test_energies_are_those_of_the_configurations_and_of_kaufman(ds):
    for coupling in (-1, 1):
        part = ds.isel(sample=np.flatnonzero(ds.coupling == coupling))
        x = part.configuration.values.astype(int)
        bonds = x * (np.roll(x, 1, axis=1) + np.roll(x, 1, axis=2))
        assert np.allclose(part.energy, -coupling * bonds.mean((1, 2)), atol=1e-12)
        for temperature in np.unique(part.temperature):
            energy = part.energy.values[part.temperature.values == temperature]
            exact = float(spins.exact.ising_energy(temperature, size=16))
            error = energy.std(ddof=1) / np.sqrt(len(energy))  # samples are independent by the sampler's contract
            assert abs(energy.mean() - exact) < 5 * error, (coupling, temperature)


def test_order_is_random_and_reproducible(ds):
    again, other = three_phases(size=16, n_samples=3000, seed=1), three_phases(size=16, n_samples=3000, seed=2)
    assert again.equals(ds)
    assert not other.equals(ds)
    # neighbours in the file tell nothing about each other
    pm = (ds.phase == "PM").values.astype(float)
    assert abs(np.corrcoef(pm[1:], pm[:-1])[0, 1]) < 5 / np.sqrt(3000)


def test_the_collapse_threshold_is_313_at_32():
    data = three_phases(size=32, n_samples=3000, seed=0)
    m = data.configuration.values.mean((1, 2), dtype=float)
    assert data.attrs["collapse_threshold"] == pytest.approx(1024 * (m**2).mean())
    assert data.attrs["collapse_threshold"] == pytest.approx(313, abs=3)
    largest = np.linalg.eigvalsh(np.cov(((data.configuration.values.reshape(3000, -1) + 1) / 2).T))[-1]
    assert 4 * largest == pytest.approx(data.attrs["collapse_threshold"], rel=0.02)


def test_what_the_sampler_says_is_kept(ds):
    assert list(ds.attrs["sampling"]) == ["FM, J = +1", "AFM, J = -1", "PM, J = +1", "PM, J = -1"]
    for part in ds.attrs["sampling"].values():
        assert len(part["autocorrelation_time"]) == len(part["equilibrated"]) == len(part["temperatures"])
    assert ds.attrs["equilibrated"] == 1
    assert 2700 < ds.attrs["effective_sample_size"] <= 3000
    assert ds.attrs["provenance"]["versions"]["numpy"] == np.__version__


def test_pieces_do_not_depend_on_interruptions(tmp_path, monkeypatch):
    arguments = {"size": 8, "n_samples": 130, "seed": 3, "piece_size": 30}
    assert three_phases_to(tmp_path / "whole.zarr", **arguments) == 130
    import zeeman.data.generate as room

    made = []

    def failing(size, n_samples, *rest, **options):
        if len(made) == 2:
            raise KeyboardInterrupt
        made.append(1)
        return three_phases(size, n_samples, *rest, **options)

    monkeypatch.setattr(room, "three_phases", failing)
    with pytest.raises(KeyboardInterrupt):
        three_phases_to(tmp_path / "cut.zarr", **arguments)
    assert open_dataset(tmp_path / "cut.zarr").sizes["sample"] == 66
    monkeypatch.undo()
    assert three_phases_to(tmp_path / "cut.zarr", **arguments) == 130
    whole, cut = open_dataset(tmp_path / "whole.zarr"), open_dataset(tmp_path / "cut.zarr")
    assert whole.equals(cut)
    assert len(cut.attrs["pieces"]) == 4
    first = three_phases(8, 33, 3)
    assert first.equals(whole.isel(sample=slice(0, 33)))
    with pytest.raises(ValueError, match="seed"):
        three_phases_to(tmp_path / "cut.zarr", **{**arguments, "seed": 4})


def test_any_model_goes_to_a_store(tmp_path):
    model = spins.Ising(spins.triangular(4), coupling=1.0, field=0.5)
    arguments = {"temperature": [3.0, 5.0], "n_samples": 25, "piece_size": 20, "seed": 2}
    assert generate_to(tmp_path / "a.zarr", model, **arguments) == 50
    assert generate_to(tmp_path / "a.zarr", model, **arguments) == 50
    ds = open_dataset(tmp_path / "a.zarr")
    assert np.unique(ds.temperature, return_counts=True)[1].tolist() == [25, 25]
    assert np.allclose(model.energy(ds.configuration.values.reshape(50, -1)), ds.energy)
    with pytest.raises(ValueError, match="other settings"):
        generate_to(tmp_path / "a.zarr", spins.Ising(spins.triangular(4), coupling=2.0), **arguments)


@pytest.mark.parametrize(
    ("model", "temperature", "options", "error", "says"),
    [
        ("ising", 2.0, {}, TypeError, "model must be one of"),
        (spins.square(4), 2.0, {}, TypeError, "model must be one of"),
        (spins.Ising(spins.square(4)), [[2.0]], {}, ValueError, r"shape \(1, 1\)"),
        (spins.Ising(spins.square(4)), [], {}, ValueError, "non-empty"),
        (spins.Ising(spins.square(4)), "2", {}, TypeError, "temperature must be a number"),
        (spins.Ising(spins.square(4)), [2.0, -1.0], {}, ValueError, "at position 1"),
        (spins.Ising(spins.square(4), field=1.0), 2.0, {"method": "wolff"}, ValueError, "zero field"),
        (spins.Ising(spins.square(4)), 2.0, {"method": "wolf"}, ValueError, "did you mean 'wolff'"),
    ],
)
def test_what_the_sampler_refuses_is_refused_in_its_words(tmp_path, model, temperature, options, error, says):
    for call in (spins.sample, lambda *args, **kwargs: generate_to(tmp_path / "a.zarr", *args, **kwargs)):
        with pytest.raises(error, match=says):
            call(model, temperature, 10, **options)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("n", [1, 8192, 16383, 16384, 20_000])
def test_pieces_are_of_one_length_and_less_than_twice_as_long_as_asked(n):
    lengths = _piece_lengths(n, 8192)
    assert sum(lengths) == n
    assert max(lengths) - min(lengths) <= 1
    assert max(lengths) < 2 * 8192


def test_ising_source_is_the_three_phases():
    data, ds = load("ising", size=6, n_samples=60, seed=5), three_phases(6, 60, 5)
    assert np.array_equal(data.X, ds.configuration)
    assert np.array_equal(data.labels, ds.state)
    assert data.kind == "spins"
    assert set(data.variables) == {"energy", "temperature", "coupling", "phase"}


@pytest.mark.parametrize(
    ("options", "error", "says"),
    [
        ({"size": 7}, ValueError, "take 8"),
        ({"size": 2}, ValueError, "at least 4"),
        ({"size": 8.0}, TypeError, "integer"),
        ({"n_samples": 29}, ValueError, "at least 30"),
        ({"seed": -1}, ValueError, "non-negative"),
    ],
)
def test_bad_settings_are_refused(options, error, says):
    with pytest.raises(error, match=says):
        three_phases(**options)


@pytest.mark.parametrize("n_samples", [30, 31, 32, 47])
def test_small_sets_of_any_number(n_samples):
    ds = three_phases(size=4, n_samples=n_samples, seed=int(stream(0, "any").integers(100)))
    assert ds.sizes["sample"] == n_samples
    assert set(np.unique(ds.state)) == {"FM+", "FM-", "AFM+", "AFM-", "PM"}
