"""Energies of an analysis are those of the lattice, couplings and field that stand with the data, in |J|."""

import json

import numpy as np
import pytest
import xarray as xr

import zeeman as zm
from zeeman.data import load, write_dataset
from zeeman.report.scene import scene_of
from zeeman.studies import Options, analyze
from zeeman.studies.readings import phases_of
from zeeman.studies.weighing import weighing_of

MODELS = [
    zm.spins.Ising(zm.spins.triangular(6), coupling=2.0, field=0.5),
    zm.spins.Ising(zm.spins.triangular(6), coupling=-1.5),
    zm.spins.Ising(zm.spins.square(6), coupling=-0.5, field=0.2),
    zm.spins.Ising(zm.spins.square(5), coupling=-1.0),
    zm.spins.Ising(zm.spins.square(6), coupling=2.0, second_coupling=-1.2),
]


def stored(model, path, n=60, **variables):
    """Random spins of many magnetisations, with what a simulation records beside them."""
    rng = np.random.default_rng(0)
    x = np.where(rng.random((n, *model.lattice.shape)) < np.linspace(0, 1, n)[:, None, None], 1, -1).astype(np.int8)
    attrs = {
        "model": type(model).__name__, "lattice": model.lattice.name, "length": model.lattice.shape[0],
        "coupling": model.coupling, "field": model.field, "second_coupling": model.second_coupling,
    }  # fmt: skip
    columns = {"configuration": (("sample", "x", "y"), x), "energy": ("sample", model.energy(x))}
    write_dataset(xr.Dataset(columns | {k: ("sample", v) for k, v in variables.items()}, attrs=attrs), path)
    return x


@pytest.mark.parametrize("model", MODELS, ids=repr)
def test_energies_are_those_of_the_recorded_model(tmp_path, model):
    x = stored(model, tmp_path / "x.zarr")
    data = load(tmp_path / "x.zarr")
    weighing = weighing_of(data)
    expected = data.variables["energy"] / abs(model.coupling)
    np.testing.assert_allclose(weighing.energies(x), expected, atol=1e-12)
    # the page, on the same configurations decoded with certainty
    sites = weighing.sites()
    s = x.reshape(len(x), -1).astype(float)
    i, j = sites.bonds.T
    page = -(s[:, i] * s[:, j]) @ sites.strengths / s.shape[1] - sites.field * s.mean(axis=1)
    np.testing.assert_allclose(page, expected, atol=1e-12)
    assert sites.couplings == {}
    assert f"J = {model.coupling:g}" in weighing.about
    assert model.lattice.name in weighing.about


def test_nothing_alternates_on_triangles(tmp_path):
    x = stored(MODELS[0], tmp_path / "x.zarr")
    x[0] = 1 - 2 * (np.indices((6, 6)).sum(axis=0) % 2)
    weighing = weighing_of(load(tmp_path / "x.zarr"))
    assert not weighing.staggered
    assert set(weighing.sites().patterns) == {"magnetization"}
    assert phases_of(x, weighing)[0] == "PM"
    stored(MODELS[1], tmp_path / "frustrated.zarr")
    assert phases_of(x, weighing_of(load(tmp_path / "frustrated.zarr")))[0] == "other"


def test_without_a_record_the_square_lattice_is_taken_and_said(tmp_path):
    x = stored(MODELS[2], tmp_path / "x.zarr")
    np.save(tmp_path / "x.npy", x)
    weighing = weighing_of(load(tmp_path / "x.npy"))
    np.testing.assert_allclose(weighing.energies(x), zm.spins.Ising(zm.spins.square(6)).energy(x), atol=1e-12)
    assert "say nothing of lattice, coupling and field" in weighing.about
    assert weighing.by_phase["AFM"] == -1
    np.save(tmp_path / "wide.npy", x[:, :4])
    wide = weighing_of(load(tmp_path / "wide.npy")).energies(np.ones((1, 4, 6), np.int8))
    np.testing.assert_allclose(wide, -2.0)


def test_a_coupling_beside_each_sample_is_its_own(tmp_path):
    J = np.where(np.arange(60) % 2, 1.0, -1.0)
    x = stored(MODELS[2], tmp_path / "x.zarr", coupling=J)
    data = load(tmp_path / "x.zarr")
    weighing = weighing_of(data)
    one = zm.spins.Ising(zm.spins.square(6))
    np.testing.assert_allclose(
        weighing.energies(x, weighing.signs) + 0.2 * x.mean((1, 2)), J * one.energy(x), atol=1e-12
    )
    assert "J of each sample" in weighing.about


@pytest.mark.parametrize(
    ("attrs", "says"),
    [
        ({"length": 16}, "square(16), but configurations are 6 x 6"),
        ({"lattice": "kagome"}, "kagome"),
        ({"model": "BlumeCapel"}, "BlumeCapel"),
        ({"coupling": "strong"}, "strong"),
    ],
)
def test_what_cannot_be_weighed_has_no_energies(tmp_path, attrs, says):
    stored(MODELS[2], tmp_path / "x.zarr")
    data = load(tmp_path / "x.zarr")
    data.attrs.update(attrs)
    weighing = weighing_of(data)
    assert weighing.energies(data.X) is None
    assert weighing.sites() is None
    assert says in weighing.about


def test_a_run_on_triangular_data_says_its_own_energies(tmp_path):
    model = MODELS[0]
    x = stored(model, tmp_path / "x.zarr", n=200)
    options = Options(n_epochs=1, n_replicas=1, n_states=3, latent_dim=2)
    analysis = analyze(tmp_path / "x.zarr", tmp_path / "run", options, progress=False)
    metrics = json.loads((tmp_path / "run" / "metrics.json").read_text())
    for phase in ("FM", "PM"):
        mine = (np.abs(x.mean((1, 2))) > 0.5) == (phase == "FM")
        assert metrics["data_energy"][phase] == pytest.approx(model.energy(x[mine]).mean() / 2, abs=1e-9)
    assert metrics["data_energy"]["AFM"] is None
    assert metrics["order_parameter_correlation"].keys() == {"magnetization"}
    assert any("triangular" in note for note in analysis.notes)
    page = (tmp_path / "run" / "report.html").read_text()
    assert "those of the triangular lattice, J = 2, h = 0.5, as recorded" in page
    data, arrays = scene_of(analysis)
    assert data["spins"]["field"] == 0.25
    assert len(arrays["strengths"]) == 3 * 36
