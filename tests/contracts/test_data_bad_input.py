"""Bad files and bad options are named: what was wrong, where, and what would do."""

import pickle

import numpy as np
import pandas as pd
import pytest
import xarray as xr
import zarr

from zeeman.data import load
from zeeman.data.sources import BUILT_IN


def _npy(array):
    return lambda folder: np.save(folder / "x.npy", array, allow_pickle=True)


def _npz(**arrays):
    return lambda folder: np.savez(folder / "x.npz", **arrays)


def _file(name, content):
    return lambda folder: (folder / name).write_bytes(content.encode() if isinstance(content, str) else content)


def _cut(make, name, fraction=0.5):
    def write(folder):
        make(folder)
        content = (folder / name).read_bytes()
        (folder / name).write_bytes(content[: int(len(content) * fraction)])

    return write


def _gap(value):
    X = np.arange(12.0).reshape(4, 3)
    X[2, 1] = value
    return X


def _parquet(folder):
    pd.DataFrame({"a": [1.0, 2.0], "b": [["x"], ["y"]]}).to_parquet(folder / "x.parquet")


def _dates(folder):
    pd.DataFrame({"a": [1.0, 2.0], "b": pd.to_datetime(["2020-01-01", "2020-01-02"])}).to_parquet(folder / "x.parquet")


def _good_parquet(folder):
    pd.DataFrame({"a": np.arange(99.0), "b": np.arange(99.0)}).to_parquet(folder / "x.parquet")


def _good_h5ad(folder):
    import anndata

    anndata.AnnData(np.arange(12.0).reshape(4, 3)).write_h5ad(folder / "x.h5ad")


def _zarr(**arrays):
    def write(folder):
        group = zarr.open_group(folder / "x.zarr", mode="w")
        for name, array in arrays.items():
            group.create_array(name, data=array)

    return write


def _torn_zarr(folder):
    _zarr(X=np.arange(12.0).reshape(4, 3))(folder)
    chunk = folder / "x.zarr" / "X" / "c" / "0" / "0"
    chunk.write_bytes(chunk.read_bytes()[:4])


def _pickled_zarr(folder):
    group = zarr.open_group(folder / "x.zarr", mode="w", zarr_format=2)
    group.create_array("X", data=np.arange(12.0).reshape(4, 3))
    meta = folder / "x.zarr" / "X" / ".zarray"
    meta.write_text(meta.read_text().replace('"filters": null', '"filters": [{"id": "pickle", "protocol": 5}]'))


BAD = [
    # name, how to make it, what to load, error, what it must say
    ("pickle in npy", _npy(np.array([{}, 1], dtype=object)), "x.npy", ValueError, "never unpickles"),
    ("raw pickle", _file("x.npy", pickle.dumps([1])), "x.npy", ValueError, "is a pickle"),
    ("text named npy", _file("x.npy", "1,2\n3,4\n"), "x.npy", ValueError, "rename it to x.csv"),
    ("zip named npy", _file("x.npy", b"PK\x03\x04abc"), "x.npy", ValueError, "rename it to x.npz"),
    ("noise named npy", _file("x.npy", b"\x01\x02\xff\xfe"), "x.npy", ValueError, "no .npy file"),
    ("empty npy", _file("x.npy", b""), "x.npy", ValueError, "0 bytes"),
    ("truncated npy", _cut(_npy(np.eye(50)), "x.npy"), "x.npy", ValueError, "truncated"),
    ("npy cut in its header", _cut(_npy(np.eye(50)), "x.npy", 0.002), "x.npy", ValueError, "truncated"),
    ("empty array", _npy(np.empty((0, 3))), "x.npy", ValueError, "is empty"),
    ("no columns", _npy(np.empty((3, 0))), "x.npy", ValueError, "is empty"),
    ("1-D", _npy(np.arange(5.0)), "x.npy", ValueError, r"x\[:, None\]"),
    ("0-D", _npy(np.float64(5)), "x.npy", ValueError, "a single number"),
    ("one row", _npy(np.ones((1, 4))), "x.npy", ValueError, "one row only"),
    ("constant", _npy(np.ones((5, 4))), "x.npy", ValueError, "no variation at all"),
    ("equal rows", _npy(np.tile(np.arange(4), (5, 1))), "x.npy", ValueError, "no variation at all"),
    ("NaN", _npy(_gap(np.nan)), "x.npy", ValueError, "row 2, column 1 holds NaN"),
    ("infinity", _npy(_gap(-np.inf)), "x.npy", ValueError, "row 2, column 1 holds -inf"),
    ("overflow", _npy(_gap(1e39)), "x.npy", ValueError, r"holds 1e\+39, beyond float32"),
    ("NaN in an image", _npy(_gap(np.nan).reshape(2, 2, 3)), "x.npy", ValueError, r"row 1, index \(0, 1\)"),
    ("complex", _npy(np.eye(3) * 1j), "x.npy", TypeError, "real and imaginary"),
    ("text", _npy(np.array([["a", "b"], ["c", "d"]])), "x.npy", TypeError, "encode it"),
    ("dates", _npy(np.zeros((3, 2), "M8[s]")), "x.npy", TypeError, "dates"),
    ("records", _npy(np.zeros((3, 2), [("a", "f4")])), "x.npy", TypeError, "named fields"),
    ("text in numbers", _file("x.csv", "a,b\n1,2\n3,oops\n"), "x.csv", ValueError, "column 'b' holds 'oops' at row 1"),
    ("two text columns", _file("x.csv", "a,u,v\n1,x,y\n3,x,z\n"), "x.csv", ValueError, "label_column='u'"),
    ("NaN in csv", _file("x.csv", "a,b\n1,2\n3,\n4,5\n"), "x.csv", ValueError, "row 1, column 'b' holds NaN"),
    ("inf in csv", _file("x.csv", "a,b\n1,2\ninf,4\n4,5\n"), "x.csv", ValueError, "row 1, column 'a' holds inf"),
    ("ragged csv", _file("x.csv", "a,b\n1,2\n3,4,5\n"), "x.csv", ValueError, "row 1 has 3"),
    ("short header", _file("x.csv", "a,b\n1,2,3,4\n3,4,5,6\n"), "x.csv", ValueError, "make them equal"),
    ("no rows", _file("x.csv", "a,b\n"), "x.csv", ValueError, "no rows"),
    ("empty csv", _file("x.csv", ""), "x.csv", ValueError, "is empty"),
    ("one row csv", _file("x.csv", "a,b\n1,2\n"), "x.csv", ValueError, "one row only"),
    ("only labels", _file("x.csv", "label\nu\nv\nu\n"), "x.csv", ValueError, "no column of numbers"),
    ("a comment below", _file("x.csv", "a,b\n1,2\n3,4\n# made by, me\n"), "x.csv", ValueError, "'# made by' at row 2"),
    ("a comment below no header", _file("x.csv", "1,2\n3,4\n# made by, me\n"), "x.csv", ValueError, "'# made by'"),
    ("infinite label", _file("x.csv", "a,label\n1,0\n2,inf\n3,0\n"), "x.csv", ValueError, "row 1 has inf"),
    ("label beyond integers", _npz(X=np.eye(3), y=np.array([0, 1e300, 1])), "x.npz", ValueError, r"row 1 has 1e\+300"),
    ("a label is missing", _file("x.csv", "a,label\n1,u\n2,\n3,v\n"), "x.csv", ValueError, "label of row 1 is missing"),
    ("binary named csv", _file("x.csv", b"PAR1\0\0"), "x.csv", ValueError, "no text file"),
    ("lists in parquet", _parquet, "x.parquet", ValueError, "column 'b'"),
    ("dates in parquet", _dates, "x.parquet", ValueError, "column 'b'"),
    ("truncated parquet", _cut(_good_parquet, "x.parquet"), "x.parquet", ValueError, "truncated"),
    ("no parquet", _file("x.parquet", "a,b"), "x.parquet", ValueError, "Parquet"),
    ("truncated npz", _cut(_npz(X=np.eye(9)), "x.npz"), "x.npz", ValueError, "truncated"),
    ("text named npz", _file("x.npz", "hello"), "x.npz", ValueError, "no .npz archive"),
    ("ambiguous npz", _npz(p=np.eye(3), q=np.eye(3)), "x.npz", ValueError, "2 candidate.*p .*q"),
    ("npz of vectors", _npz(p=np.arange(3)), "x.npz", ValueError, "two axes or more"),
    ("objects in npz", _npz(X=np.array([{}])), "x.npz", ValueError, "Python objects, refused"),
    ("no h5ad", _file("x.h5ad", "hello"), "x.h5ad", OSError, "AnnData"),
    ("truncated h5ad", _cut(_good_h5ad, "x.h5ad"), "x.h5ad", OSError, "truncated"),
    ("folder named zarr", lambda f: (f / "x.zarr").mkdir(), "x.zarr", ValueError, "no zarr store"),
    ("file named zarr", _file("x.zarr", "hello"), "x.zarr", ValueError, "unpack"),
    ("ambiguous zarr", _zarr(p=np.eye(3), q=np.eye(3)), "x.zarr", ValueError, "2 candidate"),
    ("zarr of vectors", _zarr(p=np.arange(3.0)), "x.zarr", ValueError, "two axes or more"),
    ("torn zarr", _torn_zarr, "x.zarr", OSError, "truncated"),
    ("pickles in zarr", _pickled_zarr, "x.zarr", ValueError, "pickled objects"),
    ("missing file", _file("runs.npy", ""), "run.npy", FileNotFoundError, "did you mean 'runs.npy'"),
    ("missing folder", lambda f: None, "nowhere/x.npy", FileNotFoundError, "no folder"),
    ("unknown suffix", _file("x.npyy", "a"), "x.npyy", ValueError, "did you mean '.npy'"),
    ("no suffix", _file("x", "a"), "x", ValueError, "no suffix"),
    ("a folder", lambda f: (f / "d").mkdir(), "d", OSError, "is a folder"),
]  # fmt: skip


@pytest.mark.parametrize(("make", "name", "error", "says"), [case[1:] for case in BAD], ids=[case[0] for case in BAD])
def test_bad_input_is_named(tmp_path, make, name, error, says):
    make(tmp_path)
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(error, match=says) as caught:
        load(tmp_path / name)
    assert name.split("/")[-1] in str(caught.value) or isinstance(caught.value, FileNotFoundError)
    assert "\n" not in str(caught.value)
    assert sorted(tmp_path.rglob("*")) == before


def _valid(folder, suffix):
    path, table = folder / f"x{suffix}", np.random.default_rng(0).standard_normal((30, 4))
    match suffix:
        case ".npy":
            np.save(path, table)
        case ".npz":
            np.savez_compressed(path, X=table)
        case ".csv":
            pd.DataFrame(table).to_csv(path)
        case ".parquet":
            pd.DataFrame(table, columns=list("abcd")).to_parquet(path)
    return path


@pytest.mark.parametrize("suffix", [".npy", ".npz", ".csv", ".parquet"])
def test_damage_anywhere_is_an_error_we_wrote_or_no_harm(tmp_path, suffix):
    """Truncated at every length class and with bytes overwritten: never an exception of another kind."""
    path, rng = _valid(tmp_path, suffix), np.random.default_rng(1)
    content = path.read_bytes()
    for _ in range(60):
        damaged = bytearray(content[: rng.integers(1, len(content) + 1)] if rng.random() < 0.5 else content)
        for place in rng.integers(len(damaged), size=rng.integers(0, 4)):
            damaged[place] = rng.integers(256)
        path.write_bytes(damaged)
        said = path.name
        try:
            load(path)
        except (ValueError, TypeError, OSError) as error:
            said = str(error)
        assert path.name in said


def test_pickles_do_not_run(tmp_path):
    class Trap:
        def __reduce__(self):
            return (open, (str(tmp_path / "sprung"), "w"))

    np.save(tmp_path / "x.npy", np.array([Trap()], dtype=object), allow_pickle=True)
    np.savez(tmp_path / "y.npz", X=np.array([Trap()], dtype=object))
    for name in ("x.npy", "y.npz"):
        with pytest.raises(ValueError, match="objects"):
            load(tmp_path / name)
    assert not (tmp_path / "sprung").exists()


@pytest.mark.parametrize(
    ("call", "error", "says"),
    [
        (lambda f: load("digit"), FileNotFoundError, "did you mean 'digits'"),
        (lambda f: load(3), TypeError, "must be a file"),
        (lambda f: load("digits", key="X"), ValueError, "built in"),
        (lambda f: load("digits", size=4), TypeError, "no options"),
        (lambda f: load("classes", n_class=4), TypeError, "did you mean 'n_classes'"),
        (lambda f: load("classes", n_classes=0), ValueError, "at least 1"),
        (lambda f: load("classes", n_classes=300), ValueError, "at most 256"),
        (lambda f: load("mnist", folder=f), FileNotFoundError, "train-images-idx3-ubyte"),
        (lambda f: load("mnist", folder=f, part="test"), ValueError, "'t10k'"),
        (lambda f: load(f / "x.npy", key="X"), ValueError, "one unnamed array"),
        (lambda f: load(f / "x.npy", size=4), TypeError, "leave that out"),
        (lambda f: load(f / "x.csv", key="X"), ValueError, "label_column"),
        (lambda f: load(f / "x.csv", label_column="lable"), ValueError, "did you mean 'label'"),
        (lambda f: load(f / "x.csv", label_column="a"), ValueError, "categories"),
        (lambda f: load(f / "x.npz", key="Q"), ValueError, "it has X"),
        (lambda f: load(f / "x.npz", label_column="X2"), ValueError, "no labels 'X2'"),
        (lambda f: load(f / "x.npz", label_column="short"), ValueError, "one for each of the 3 rows"),
        (lambda f: load(f / "x.zarr", key="seed"), ValueError, "variable 'seed' has shape .*a single number"),
    ],
)
def test_bad_options_are_named(tmp_path, call, error, says):
    np.save(tmp_path / "x.npy", np.eye(3))
    np.savez(tmp_path / "x.npz", X=np.eye(3), short=np.arange(2))
    (tmp_path / "x.csv").write_text("a,label\n0.5,0\n1.5,1\n")
    xr.Dataset({"X": (("sample", "x"), np.eye(3)), "seed": ((), 7)}).to_zarr(tmp_path / "x.zarr", consolidated=False)
    with pytest.raises(error, match=says):
        call(tmp_path)


def test_missing_extra_names_the_remedy(tmp_path, monkeypatch):
    import sys

    (tmp_path / "x.h5ad").write_bytes(b"")
    (tmp_path / "x.parquet").write_bytes(b"")
    monkeypatch.setitem(sys.modules, "anndata", None)
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(ImportError, match=r"pip install zeeman\[sc\]"):
        load(tmp_path / "x.h5ad")
    with pytest.raises(ImportError, match=r"pip install zeeman\[parquet\]"):
        load(tmp_path / "x.parquet")


def test_idx_damage_is_named(tmp_path):
    head = bytes([0, 0, 8, 3]) + np.array([5, 2, 2], ">u4").tobytes()
    (tmp_path / "train-labels-idx1-ubyte").write_bytes(bytes([0, 0, 8, 1]) + bytes(3) + bytes([1, 7]))
    for content, says in ((head + bytes(7), "holds 7"), (b"hello", "no IDX file")):
        (tmp_path / "train-images-idx3-ubyte").write_bytes(content)
        with pytest.raises(ValueError, match=says):
            load(tmp_path)


def test_built_in_names_are_documented():
    assert all(name in load.__doc__ for name in BUILT_IN)
