"""Stores: what was written comes back, whole, or an error names the file."""

import os
import shutil

import numpy as np
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st

from zeeman.base import store
from zeeman.data import DatasetWriter, dataset, open_dataset, write_dataset


def spins(n, *shape, seed=0):
    return np.random.default_rng(seed).choice(np.array([-1, 1], np.int8), (n, *shape))


def rich(n=20, seed=0):
    rng = np.random.default_rng(seed)
    return xr.Dataset(
        {
            "configuration": (("sample", "x", "y"), spins(n, 7, 5, seed=seed), {"units": "1"}),
            "energy": ("sample", rng.standard_normal(n), {"long_name": "energy per site"}),
            "state": ("sample", rng.choice(["FM+", "AFM-", "é"], n).astype("U4")),
            "flag": ("sample", rng.random(n) > 0.5),
            "amplitude": (("sample", "x"), rng.standard_normal((n, 7)) * (1 + 2j)),
            "size": ((), 7),
        },
        coords={
            "temperature": ("sample", rng.random(n).astype("f4"), {"units": "J"}),
            "x": np.arange(7, dtype="i4"),
            "y": list("abcde"),
            "lattice": "square",
        },
        attrs={"seed": 3, "times": [1.0, 2.5], "nested": {"none": None, "ok": True}, "text": "ü"},
    )


def test_a_rich_data_set_comes_back_identical(tmp_path):
    ds = rich()
    write_dataset(ds, tmp_path / "a.zarr")
    back = open_dataset(tmp_path / "a.zarr")
    xr.testing.assert_identical(ds, back)
    assert {k: v.dtype for k, v in ds.variables.items()} == {k: v.dtype for k, v in back.variables.items()}
    assert list(tmp_path.iterdir()) == [tmp_path / "a.zarr"]


@settings(max_examples=25, deadline=None)
@given(
    n=st.integers(0, 40),
    shape=st.lists(st.integers(1, 9), min_size=1, max_size=3),
    dtype=st.sampled_from(["spin", "i1", "u1", "i4", "f4", "f8", "bool"]),
    seed=st.integers(0, 99),
)
def test_any_shape_and_dtype_comes_back(tmp_path_factory, n, shape, dtype, seed):
    values = spins(n, *shape, seed=seed) if dtype == "spin" else spins(n, *shape, seed=seed).astype(dtype) * 3
    dims = ("sample", *(f"axis{i}" for i in range(len(shape))))
    ds = xr.Dataset({"configuration": (dims, values)})
    path = tmp_path_factory.mktemp("store") / "a.zarr"
    write_dataset(ds, path)
    back = open_dataset(path)
    xr.testing.assert_identical(ds, back)
    assert back.configuration.dtype == values.dtype


def test_spins_take_a_bit_each_and_plain_xarray_can_undo_it(tmp_path):
    ds = xr.Dataset(
        {"configuration": (("sample", "x", "y"), spins(9, 32, 32))}, coords={"T": ("sample", np.arange(9.0))}
    )
    write_dataset(ds, tmp_path / "a.zarr")
    plain = xr.open_zarr(tmp_path / "a.zarr")
    stored = plain.configuration
    assert stored.shape == (9, 128)
    assert "T" in plain.coords
    coding = stored.attrs["zeeman_coding"]
    bits = np.unpackbits(stored.values, axis=1, count=int(np.prod(coding["shape"])), bitorder=coding["bit_order"])
    low, high = coding["values"]
    undone = np.where(bits, high, low).astype(coding["dtype"]).reshape(-1, *coding["shape"])
    assert np.array_equal(undone, ds.configuration)
    assert coding["dims"] == list(ds.configuration.dims)


@pytest.mark.parametrize("values", [[0, 1, 2], [-1, 0, 1]])
def test_other_states_are_not_packed(tmp_path, values):
    x = np.random.default_rng(0).choice(np.array(values, np.int8), (10, 4, 4))
    write_dataset(xr.Dataset({"configuration": (("sample", "x", "y"), x)}), tmp_path / "a.zarr")
    assert xr.open_zarr(tmp_path / "a.zarr").configuration.shape == (10, 4, 4)


def test_pieces_add_up_and_every_reader_sees_committed_samples_only(tmp_path):
    ds, path = rich(50), tmp_path / "a.zarr"
    with DatasetWriter(path, ds.isel(sample=slice(0, 1)), n_total=50, settings={"T": (1.0, 2.0)}) as writer:
        assert open_dataset(path).sizes["sample"] == 0
        for start, stop in ((0, 7), (7, 8), (8, 30)):
            assert writer.append(ds.isel(sample=slice(start, stop)), {"done": stop}) == stop
            assert xr.open_zarr(path).sizes["sample"] == stop
            assert writer.attrs["done"] == stop
    with DatasetWriter(path, None, n_total=50, settings={"T": [1.0, 2.0]}) as writer:
        assert writer.n_committed == 30
        writer.append(ds.isel(sample=slice(30, 50)))
    xr.testing.assert_identical(ds.assign_attrs(done=30), open_dataset(path))


def test_an_uncommitted_tail_is_shown_to_nobody(tmp_path, monkeypatch):
    ds, path = rich(30), tmp_path / "a.zarr"
    writer = DatasetWriter(path, ds)
    writer.append(ds.isel(sample=slice(0, 10)))
    monkeypatch.setattr("zeeman.data.dataset._commit", lambda *args: (_ for _ in ()).throw(OSError("disk full")))
    with pytest.raises(OSError, match="disk full"):
        writer.append(ds.isel(sample=slice(10, 25)))
    writer.close()
    monkeypatch.undo()
    assert open_dataset(path).sizes["sample"] == xr.open_zarr(path).sizes["sample"] == 10
    with DatasetWriter(path, ds) as writer:
        writer.append(ds.isel(sample=slice(10, 12)))
    xr.testing.assert_identical(ds.isel(sample=slice(0, 12)), open_dataset(path))


def test_other_settings_are_refused(tmp_path):
    ds, path = rich(), tmp_path / "a.zarr"
    with DatasetWriter(path, ds, n_total=20, settings={"seed": 1}) as writer:
        writer.append(ds.isel(sample=slice(0, 5)))
    cases = [
        (ds, 21, {"seed": 1}, "made for 20 samples in all, and 21 are asked"),
        (ds, 20, {"seed": 2}, "seed 1 there, 2 asked"),
        (None, 20, {"seed": 2}, "seed 1 there, 2 asked"),
        (ds.drop_vars("flag"), 20, {"seed": 1}, "flag"),
        (ds.assign(energy=ds.energy.astype("f4")), 20, {"seed": 1}, "energy"),
        (ds.assign_coords(x=np.arange(1, 8, dtype="i4")), 20, {"seed": 1}, "other fixed"),
    ]
    for template, n_total, made, says in cases:
        with pytest.raises(ValueError, match=says):
            DatasetWriter(path, template, n_total, settings=made)
    assert open_dataset(path).sizes["sample"] == 5


def test_going_on_needs_a_store(tmp_path):
    with pytest.raises(FileNotFoundError, match="no data set"):
        DatasetWriter(tmp_path / "a.zarr", None)
    (tmp_path / "b.zarr").mkdir()
    with pytest.raises(ValueError, match="is no data set"):
        DatasetWriter(tmp_path / "b.zarr", rich())
    with DatasetWriter(tmp_path / "c.zarr", rich()) as writer, pytest.raises(ValueError, match="reserved"):
        writer.append(rich(), {"coordinates": "x"})
    assert writer.n_committed == 0


def test_one_writer_at_a_time(tmp_path):
    pytest.importorskip("fcntl")
    ds = rich()
    with DatasetWriter(tmp_path / "a.zarr", ds), pytest.raises(OSError, match="another process"):
        DatasetWriter(tmp_path / "a.zarr", ds)
    DatasetWriter(tmp_path / "a.zarr", ds).close()


def test_of_two_writers_that_begin_at_once_one_writes(tmp_path, monkeypatch):
    pytest.importorskip("fcntl")
    ds, path, create, first = rich(), tmp_path / "a.zarr", dataset._create, []

    def late(*args):
        if not first:
            first.append(None)
            first[0] = DatasetWriter(path, ds)
        create(*args)

    monkeypatch.setattr(dataset, "_create", late)
    with pytest.raises(OSError, match="another process"):
        DatasetWriter(path, ds)
    first[0].append(ds)
    first[0].close()
    xr.testing.assert_identical(ds, open_dataset(path))
    assert list(tmp_path.iterdir()) == [path]


def test_a_store_that_is_being_written_is_not_replaced(tmp_path, monkeypatch):
    pytest.importorskip("fcntl")
    ds, path = rich(), tmp_path / "a.zarr"
    with DatasetWriter(path, ds) as writer:
        with pytest.raises(OSError, match="another process"):
            write_dataset(rich(5, seed=1), path)
        writer.append(ds)
    xr.testing.assert_identical(ds, open_dataset(path))
    append = DatasetWriter.append
    made = []

    def meanwhile(writer, piece):
        made.append(DatasetWriter(tmp_path / "b.zarr", ds))
        return append(writer, piece)

    monkeypatch.setattr(DatasetWriter, "append", meanwhile)
    with pytest.raises(OSError, match="another process"):
        write_dataset(rich(5, seed=1), tmp_path / "b.zarr")
    made[0].close()


def test_a_writer_whose_store_was_replaced_adds_nothing(tmp_path):
    pytest.importorskip("fcntl")
    ds, path = rich(), tmp_path / "a.zarr"
    with DatasetWriter(path, ds) as writer:
        shutil.rmtree(path)
        with pytest.raises(OSError, match="removed or replaced"):
            writer.append(ds)
        write_dataset(rich(5, seed=1), path)
        with pytest.raises(OSError, match="removed or replaced"):
            writer.append(ds)
    xr.testing.assert_identical(rich(5, seed=1), open_dataset(path))


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda ds: ds.drop_vars("flag"), "missing: flag"),
        (lambda ds: ds.assign(more=ds.flag), "unknown: more"),
        (lambda ds: ds.assign(energy=ds.energy.astype("f4")), "float32; the store takes"),
        (lambda ds: ds.assign(energy=ds.amplitude.real), "'energy' has axes"),
        (lambda ds: ds.assign(configuration=ds.configuration * np.int8(0)), "sample 0, site 0 is 0"),
        (lambda ds: ds.assign(state=("sample", ["too long"] * 20)), "4 characters"),
        (lambda ds: xr.concat([ds] * 3, "sample", data_vars="minimal", coords="minimal"), "takes 40 samples"),
    ],
)
def test_pieces_that_do_not_fit_are_refused_and_leave_nothing(tmp_path, change, says):
    ds, path = rich(), tmp_path / "a.zarr"
    with DatasetWriter(path, ds, n_total=40) as writer:
        writer.append(ds)
        with pytest.raises(ValueError, match=says):
            writer.append(change(ds))
        writer.append(ds)
    assert open_dataset(path).sizes["sample"] == 40
    with pytest.raises(ValueError, match="is closed"):
        writer.append(ds)


@pytest.mark.parametrize(
    ("ds", "error", "says"),
    [
        (xr.Dataset({"X": ("row", [1.0])}), ValueError, "'sample'"),
        (xr.Dataset({"X": (("x", "sample"), np.eye(2))}), ValueError, "transpose"),
        (xr.Dataset({"X": ("sample", np.array([{}], dtype=object))}), TypeError, "'X' has dtype object"),
        (xr.Dataset({"a/b": ("sample", [1.0])}), ValueError, "rename"),
        (xr.Dataset({"X": ("sample", [1.0])}, attrs={"f": print}), TypeError, "JSON cannot hold"),
        (xr.Dataset({"X": ("sample", [1.0])}, attrs={"coordinates": "X"}), ValueError, "reserved"),
    ],
)
def test_what_cannot_be_stored_is_named_before_anything_is_written(tmp_path, ds, error, says):
    with pytest.raises(error, match=says):
        write_dataset(ds, tmp_path / "a.zarr")
    assert not list(tmp_path.iterdir())


def test_writing_replaces_a_store_but_nothing_else(tmp_path):
    path = tmp_path / "a.zarr"
    write_dataset(rich(5), path)
    write_dataset(rich(8, seed=1), path)
    assert open_dataset(path).sizes["sample"] == 8
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.tex").touch()
    with pytest.raises(FileExistsError, match="no data set of zeeman"):
        write_dataset(rich(5), tmp_path / "mine")


def test_a_replacement_that_fails_leaves_the_old_store(tmp_path, monkeypatch):
    """Where folders cannot be swapped in one step, and the second of two renames fails."""
    path, replace, old = tmp_path / "a.zarr", os.replace, rich(5)
    write_dataset(old, path)

    def fails(source, target):
        if str(target) == str(path) and ".part" in str(source):
            raise OSError("disk full")
        replace(source, target)

    monkeypatch.setattr(store, "_exchanged", lambda *paths: False, raising=False)
    monkeypatch.setattr(os, "replace", fails)
    with pytest.raises(OSError, match="disk full"):
        write_dataset(rich(8, seed=1), path)
    xr.testing.assert_identical(old, open_dataset(path))
    assert list(tmp_path.iterdir()) == [path]


def _truncate(file):
    file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])


def _flip(file):
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 0xFF
    file.write_bytes(bytes(content))


@pytest.mark.parametrize(
    ("damage", "file", "error"),
    [
        (_truncate, "zarr.json", ValueError),
        (_truncate, "energy/zarr.json", OSError),
        (_truncate, "configuration/c/0/0", OSError),
        (_flip, "configuration/c/0/0", OSError),
        (_flip, "energy/c/0", OSError),
        (lambda file: file.unlink(), "zarr.json", ValueError),
        (lambda file: file.unlink(), "energy/zarr.json", OSError),
        (lambda file: file.unlink(), "configuration/c/0/0", OSError),
        (lambda file: file.unlink(), "x/c/0", OSError),
    ],
)
def test_damage_names_the_file_and_the_remedy(tmp_path, damage, file, error):
    path = tmp_path / "a.zarr"
    write_dataset(rich(), path)
    damage(path / file)
    with pytest.raises(error, match=r"restore|check the path") as caught:
        open_dataset(path)
    assert file.split("/")[0] in str(caught.value)


def test_what_is_no_store_is_named(tmp_path):
    write_dataset(rich(), tmp_path / "data.zarr")
    with pytest.raises(FileNotFoundError, match=r"did you mean 'data.zarr'"):
        open_dataset(tmp_path / "date.zarr")
    (tmp_path / "file.zarr").touch()
    with pytest.raises(ValueError, match="is a file"):
        open_dataset(tmp_path / "file.zarr")
    xr.Dataset({"X": ("sample", [1.0])}).to_zarr(tmp_path / "other.zarr", consolidated=False)
    with pytest.raises(ValueError, match=r"xarray\.open_zarr"):
        open_dataset(tmp_path / "other.zarr")
