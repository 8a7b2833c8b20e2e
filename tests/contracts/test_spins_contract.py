"""Names, shapes, types and refusals that others rely on."""

import inspect
import re

import numpy as np
import pytest
import xarray as xr

import zeeman as zm

S = zm.spins


@pytest.mark.parametrize(
    ("lattice", "shape", "axes"),
    [
        (S.chain(6), (6,), ("x",)),
        (S.square(4), (4, 4), ("x", "y")),
        (S.triangular(4), (4, 4), ("x", "y")),
        (S.honeycomb(3), (3, 3, 2), ("x", "y", "sublattice")),
        (S.cubic(3), (3, 3, 3), ("x", "y", "z")),
    ],
)
def test_data_set(lattice, shape, axes):
    ds = S.sample(S.Ising(lattice), temperature=[2.0, 5.0], n_samples=10, seed=0)
    assert ds.configuration.dims == ("sample", *axes)
    assert ds.configuration.shape == (20, *shape)
    assert ds.configuration.dtype == np.int8
    assert set(np.unique(ds.configuration)) <= {-1, 1}
    np.testing.assert_array_equal(ds.temperature, np.repeat([2.0, 5.0], 10))
    flat = ds.configuration.values.reshape(20, -1)
    np.testing.assert_allclose(ds.energy, S.Ising(lattice).energy(flat))
    for name in ("method", "spacing", "burn_in", "effective_sample_size", "autocorrelation_time", "equilibrated"):
        assert len(ds.attrs[name]) == 2


def test_attributes_survive_zarr(tmp_path):
    ds = S.sample(S.Ising(S.square(4)), 2.0, 8, seed=0)
    ds.to_zarr(tmp_path / "x.zarr", zarr_format=3, consolidated=False)
    assert xr.open_zarr(tmp_path / "x.zarr", consolidated=False).attrs["seed"] == "0"


def test_magnetizations_take_arrays_and_labels():
    ds = S.sample(S.Ising(S.square(4)), 2.0, 8, seed=0)
    for function in (S.magnetization, S.staggered_magnetization):
        labelled = function(ds.configuration)
        assert labelled.dims == ("sample",)
        assert "temperature" in labelled.coords
        np.testing.assert_array_equal(labelled, function(ds.configuration.values))


MODEL = S.Ising(S.square(4))


@pytest.mark.parametrize(
    ("settings", "error", "message"),
    [
        ({"temperature": 0.0}, ValueError, "positive"),
        ({"temperature": -1.0}, ValueError, "positive"),
        ({"temperature": float("nan")}, ValueError, "positive and finite"),
        ({"temperature": [2.0, float("inf")]}, ValueError, "position 1"),
        ({"temperature": []}, ValueError, "non-empty"),
        ({"temperature": "2.0"}, TypeError, "temperature"),
        ({"temperature": None}, TypeError, "temperature"),
        ({"n_samples": 0}, ValueError, "n_samples"),
        ({"n_samples": 2.5}, TypeError, "n_samples"),
        ({"method": "wolf"}, ValueError, "did you mean 'wolff'"),
        ({"seed": -1}, ValueError, "seed"),
        ({"n_threads": 0}, ValueError, "n_threads"),
        ({"model": "ising"}, TypeError, "model"),
        ({"model": S.Ising(S.square(4), field=0.1), "method": "wolff"}, ValueError, "field = 0.1"),
        ({"model": S.Ising(S.square(4), field=0.1), "method": "swendsen-wang"}, ValueError, "zero field"),
    ],
)
def test_refusals(settings, error, message):
    with pytest.raises(error, match=message):
        S.sample(**{"model": MODEL, "temperature": 2.0, "n_samples": 4, **settings})


@pytest.mark.parametrize(
    ("make", "error"),
    [
        (lambda: S.square(1), ValueError),
        (lambda: S.square(0), ValueError),
        (lambda: S.square(4.0), TypeError),
        (lambda: S.Ising(4), TypeError),
        (lambda: S.Ising(S.square(4), coupling="1"), TypeError),
        (lambda: S.Ising(S.square(4), coupling=float("nan")), ValueError),
        (lambda: S.Ising(S.square(4), field=float("inf")), ValueError),
        (lambda: S.magnetization(np.ones(4)), ValueError),
        (lambda: S.magnetization(np.array([["a"]])), TypeError),
    ],
)
def test_refusals_of_models_and_observables(make, error):
    with pytest.raises(error):
        make()


def test_what_was_picked_is_said(caplog, capsys):
    caplog.set_level("INFO", logger="zeeman.spins")
    ds = S.sample(MODEL, 2.0, 8, seed=0, progress=True)
    assert ds.attrs["method"][0] in caplog.text
    assert ds.attrs["method_asked"] == "auto"
    assert capsys.readouterr().out == ""


def test_a_model_reads_configurations_as_sites_or_on_the_lattice():
    model = S.Ising(S.square(4), coupling=1.0)
    x = np.random.default_rng(0).choice([-1, 1], (5, 4, 4)).astype(np.int8)
    np.testing.assert_array_equal(model.energy(x), model.energy(x.reshape(5, 16)))
    np.testing.assert_array_equal(model.order(x), model.order(x.reshape(5, 16)))
    assert model.local_field(x).shape == x.shape
    with pytest.raises(ValueError, match=r"\(5, 2, 8\).*16"):
        model.energy(x.reshape(5, 2, 8))


@pytest.mark.parametrize("wrong", [0, 0.5, float("nan"), 2])
def test_a_model_reads_nothing_but_spins(wrong):
    x = np.ones((3, 4, 4), np.float32)
    x[1, 2, 3] = wrong
    with pytest.raises(ValueError, match=r"at \[1, 2, 3\] is no spin"):
        S.Ising(S.square(4)).energy(x)
    with pytest.raises(ValueError, match=r"at \[1, 2, 3\] is no state"):
        S.BlumeCapel(S.square(4)).energy(np.where(x == 0, 3, x))


_SAYS = re.compile(r"Raises|ValueError|TypeError|[Ee]rrors (of|as for) `")
_NEVER = {"shorthand"}  # functions that take whatever numbers they get


@pytest.mark.parametrize(
    "room", [S, S.exact, S.observables, S.statistics, S.reweighting], ids=lambda room: room.__name__
)
def test_public_functions_and_models_name_their_errors(room):
    public = [(name, getattr(room, name)) for name in room.__all__]
    asked = [one for one in public if inspect.isfunction(one[1]) or hasattr(one[1], "order_parameter")]
    silent = [name for name, one in asked if name not in _NEVER and not _SAYS.search(inspect.getdoc(one) or "")]
    assert not silent


def test_wrong_kinds_of_arguments_say_what_to_give():
    spins = zm.spins
    data = spins.sample(spins.Ising(spins.square(4)), [2.0, 2.5], 100, seed=0)
    with pytest.raises(TypeError, match=r"one number, got shape \(2,\): of several take curve.table"):
        spins.reweighting.reweight(data).specific_heat(np.array([2.1, 2.2]))
    with pytest.raises(TypeError, match=r"takes the data set that `zm.spins.sample` returns.* got ndarray"):
        spins.measure(data.configuration.values)
    angles = np.zeros((2, 4, 4), np.float32)
    for observable in (spins.observables.vorticity, spins.observables.structure_factor):
        with pytest.raises(TypeError, match=r"model must be a model, such as zm.spins.XY"):
            observable(angles, spins.square(4))
