"""Data sets of XY and Heisenberg models: names, types, refusals, and the way to disk and back."""

import numpy as np
import pytest
import xarray as xr

import zeeman as zm
from zeeman.data import open_dataset, write_dataset

S = zm.spins


def test_data_set_of_angles():
    ds = S.sample(S.XY(S.square(16)), [0.5, 0.9, 1.5], 200, seed=0)
    assert ds.configuration.dims == ("sample", "x", "y")
    assert ds.configuration.shape == (600, 16, 16)
    assert ds.configuration.dtype == np.float32
    theta = ds.configuration.values.astype(np.float64)
    assert theta.min() >= 0
    assert theta.max() < 2 * np.pi
    np.testing.assert_allclose(ds.energy, S.XY(S.square(16)).energy(ds.configuration.values))
    bonds = np.cos(theta - np.roll(theta, 1, 1)) + np.cos(theta - np.roll(theta, 1, 2))
    np.testing.assert_allclose(ds.energy, -bonds.mean((1, 2)), rtol=1e-12)
    assert ds.attrs["model"] == "XY"
    assert ds.attrs["coupling"] == 1.0
    assert all(ds.attrs["equilibrated"])
    assert np.diff([part.energy.mean() for _, part in ds.groupby("temperature")]).min() > 0
    # every direction equally often, at any temperature
    means = np.exp(1j * theta).mean((1, 2))
    assert abs((means / abs(means)).mean()) < 4.5 / np.sqrt(600)


def test_data_set_of_vectors():
    model = S.Heisenberg(S.cubic(4))
    ds = S.sample(model, 2.0, 20, seed=0)
    assert ds.configuration.dims == ("sample", "x", "y", "z", "component")
    assert ds.configuration.shape == (20, 4, 4, 4, 3)
    assert ds.configuration.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(ds.configuration, axis=-1), 1, atol=1e-6)
    np.testing.assert_allclose(ds.energy, model.energy(ds.configuration.values))


@pytest.mark.parametrize("model", [S.XY(S.honeycomb(2)), S.Heisenberg(S.square(3), -1.0)], ids=repr)
def test_to_disk_and_back(tmp_path, model):
    ds = S.sample(model, [0.7, 2.0], 8, seed=0)
    write_dataset(ds, tmp_path / "a.zarr")
    xr.testing.assert_identical(open_dataset(tmp_path / "a.zarr"), ds)
    np.testing.assert_array_equal(xr.open_zarr(tmp_path / "a.zarr").configuration, ds.configuration)
    assert zm.data.generate_to(tmp_path / "b.zarr", model, [0.7, 2.0], 8, seed=0, piece_size=8) == 16
    assert open_dataset(tmp_path / "b.zarr").configuration.dtype == np.float32


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: S.XY(4), TypeError, "lattice"),
        (lambda: S.XY(S.square(4), "1"), TypeError, "coupling"),
        (lambda: S.Heisenberg(S.square(4), float("nan")), ValueError, "coupling must be finite"),
        (lambda: S.XY(S.square(4)).energy(np.zeros((5, 2, 8))), ValueError, r"\(5, 2, 8\).*16"),
        (lambda: S.XY(S.square(4)).energy(np.full((5, 4, 4), np.nan)), ValueError, "NaN"),
        (lambda: S.Heisenberg(S.square(4)).energy(np.zeros((5, 4, 4))), ValueError, "16, 3"),
        (lambda: S.Heisenberg(S.square(4)).energy(np.ones((5, 4, 4, 3))), ValueError, "unit vectors.*1.73"),
        (lambda: S.sample(S.XY(S.square(4)), -1.0, 4), ValueError, "positive"),
        (
            lambda: S.sample(S.Heisenberg(S.square(4)), 1e-20, 4, "heat-bath"),
            ValueError,
            "low.*take T of 4e-18",
        ),
        (lambda: S.sample(S.XY(S.square(4)), 1e-20, 4, "wolff"), ValueError, "1e-20 is too low"),
        (lambda: S.sample(S.XY(S.square(4)), 1e-20, 4, device="cpu"), ValueError, "1e-20 is too low"),
        (lambda: S.sample(S.XY(S.square(4)), 1.0, 4, "over-relaxed"), ValueError, "over-relaxation"),
    ],
)
def test_refusals(make, error, message):
    with pytest.raises(error, match=message):
        make()
