"""Sources: what good files become, and what every bad one is told."""

import gzip
import pickle

import numpy as np
import pandas as pd
import pytest
import xarray as xr
import zarr

from zeeman.data import load, write_dataset
from zeeman.data.sources import BUILT_IN


@pytest.fixture
def table():
    return np.random.default_rng(0).standard_normal((12, 3))


@pytest.fixture
def put(tmp_path):
    """Write text or bytes under a name and return the path."""

    def write(name, content):
        path = tmp_path / name
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    return write


def test_digits_are_scaled_to_four_and_say_so():
    data = load("digits")
    assert data.X.shape == (1797, 64)
    assert data.X.min() == 0
    assert data.X.max() == 4
    assert set(data.labels) == set(range(10))
    assert any("divided by 4" in note for note in data.notes)
    largest = np.linalg.eigvalsh(np.cov(data.X.T))
    assert (largest > 1).sum() == 16  # what the docstring promises


def test_classes_follow_their_seed():
    data, again, other = load("classes"), load("classes"), load("classes", seed=1)
    assert data.X.shape == (3000, 30)
    assert sorted(np.unique(data.labels)) == [0, 1, 2]
    assert data.content_hash == again.content_hash != other.content_hash
    assert len(np.unique(load("classes", n_classes=5, n_samples=500).labels)) == 5
    # 8 redundant columns: 8 directions without variance
    assert (np.linalg.eigvalsh(np.cov(data.X.T)) < 1e-4).sum() == 8


@pytest.mark.parametrize("suffix", ["npy", "npz", "csv", "parquet", "zarr", "h5ad"])
def test_every_suffix_gives_the_same_numbers(tmp_path, table, suffix):
    path = tmp_path / f"data.{suffix}"
    frame = pd.DataFrame(table, columns=["a", "b", "c"])
    match suffix:
        case "npy":
            np.save(path, table)
        case "npz":
            np.savez(path, X=table, other=np.arange(3))
        case "csv":
            frame.to_csv(path, index=False)
        case "parquet":
            frame.to_parquet(path)
        case "zarr":
            xr.Dataset({"X": (("sample", "feature"), table)}).to_zarr(path, consolidated=False)
        case "h5ad":
            import anndata

            anndata.AnnData(table).write_h5ad(path)
    data = load(path)
    assert np.array_equal(data.X, table)
    assert (data.name, data.kind, data.labels) == ("data", "table", None)
    assert data.notes


@pytest.mark.parametrize("dtype", ["i1", "u1", "i8", "f4", "f8"])
def test_dtypes_are_kept(tmp_path, dtype):
    X = np.arange(12).reshape(4, 3).astype(dtype)
    np.save(tmp_path / "x.npy", X)
    assert load(tmp_path / "x.npy").X.dtype == X.dtype


def test_booleans_become_zero_and_one(tmp_path):
    np.save(tmp_path / "x.npy", np.eye(3, dtype=bool))
    data = load(tmp_path / "x.npy")
    assert np.array_equal(data.X, np.eye(3))
    assert any("booleans" in note for note in data.notes)


def test_spins_and_images_are_recognised(tmp_path):
    spins = np.random.default_rng(0).choice(np.array([-1, 1], np.int8), (5, 4, 4))
    np.save(tmp_path / "s.npy", spins)
    np.save(tmp_path / "i.npy", spins + 3)
    assert load(tmp_path / "s.npy").kind == "spins"
    assert load(tmp_path / "i.npy").kind == "image"


@pytest.mark.parametrize(
    "text",
    [
        "a,b\n1.5,2\n3,4\n",
        "a;b\n1,5;2\n3;4\n",
        "a\tb\n1.5\t2\n3\t4\n",
        "a b\n1.5 2\n3 4\n",
        "1.5,2\n3,4\n",
        "# a,b\n1.5,2\n3,4\n",
        ",a,b\n0,1.5,2\n1,3,4\n",
        '"a" "b"\n"1" 1.5 2\n"2" 3 4\n',
        "\ufeffa,b\r\n1.5,2\r\n\r\n3,4\r\n",
        "0,1,2\n1.5,2,0\n3,4,1\n",
    ],
)
def test_csv_dialects(put, text):
    assert np.array_equal(load(put("x.csv", text)).X[:, :2], [[1.5, 2], [3, 4]])


@pytest.mark.parametrize(
    ("text", "labels", "names"),
    [
        ("a,b,kind\n1,2,x\n3,4,y\n5,6,x\n", ["x", "y", "x"], ("a", "b")),
        ("class,a,b\n0,2,5\n1,3,4\n1,4,4\n0,1,1\n", [0, 1, 1, 0], ("a", "b")),
        ("a,b,Phase,t\n1,2,FM,0\n3,4,PM,0\n5,6,FM,3\n", ["FM", "PM", "FM"], ("a", "b", "t")),
        ("a,b,phase\n1,2,0.3\n3,4,0.7\n", None, ("a", "b", "phase")),  # an angle is a feature
        ("name,a,b\nu,2,5\nv,3,4\nw,4,4\n", None, ("a", "b")),  # names rows, not classes
    ],
)
def test_csv_labels(put, text, labels, names):
    data = load(put("x.csv", text))
    assert data.feature_names == names
    assert (data.labels is None) if labels is None else (data.labels.tolist() == labels)


def test_label_column_by_name(put):
    data = load(put("x.csv", "a,b,c\n1,2,0\n3,4,1\n"), label_column="b")
    assert data.labels.tolist() == [2, 4]
    assert data.feature_names == ("a", "c")


def test_numbers_of_a_csv_are_read_to_the_last_digit(tmp_path, table):
    pd.DataFrame(table).to_csv(tmp_path / "x.csv", index=False)
    assert np.array_equal(load(tmp_path / "x.csv").X, table)


def test_npz_labels_and_key(tmp_path, table):
    np.savez(tmp_path / "x.npz", X=table, Z=table + 1, y=np.arange(12))
    data = load(tmp_path / "x.npz")
    assert np.array_equal(data.X, table)
    assert data.labels.tolist() == list(range(12))
    assert np.array_equal(load(tmp_path / "x.npz", key="Z").X, table + 1)


def test_own_store_brings_axes_labels_and_variables(tmp_path):
    spins = np.random.default_rng(0).choice(np.array([-1, 1], np.int8), (6, 4, 4))
    ds = xr.Dataset(
        {"configuration": (("sample", "x", "y"), spins), "energy": ("sample", np.arange(6.0))},
        coords={"state": ("sample", list("aabbab"))},
        attrs={"made": "here"},
    )
    write_dataset(ds, tmp_path / "x.zarr")
    data = load(tmp_path / "x.zarr")
    assert np.array_equal(data.X, spins)
    assert (data.site_dims, data.kind, data.attrs) == (("x", "y"), "spins", {"made": "here"})
    assert data.labels.tolist() == list("aabbab")
    assert np.array_equal(data.variables["energy"], np.arange(6))


def test_the_sample_axis_is_found_by_its_name(tmp_path, table):
    xr.Dataset({"T": (("feature", "sample"), table.T)}).to_zarr(tmp_path / "x.zarr", consolidated=False)
    data = load(tmp_path / "x.zarr")
    assert np.array_equal(data.X, table)
    assert data.site_dims == ("feature",)


@pytest.mark.parametrize("zarr_format", [2, 3])
def test_plain_zarr_arrays(tmp_path, table, zarr_format):
    group = zarr.open_group(tmp_path / "x.zarr", mode="w", zarr_format=zarr_format)
    group.create_array("anything", data=table)
    assert np.array_equal(load(tmp_path / "x.zarr").X, table)


def test_h5ad_rooms(tmp_path, table):
    import anndata
    import scipy.sparse

    counts = np.random.default_rng(0).poisson(1.0, (12, 3)).astype(np.float32)
    obs = pd.DataFrame({"cell_type": pd.Categorical(["T", "B"] * 6)}, index=[f"c{i}" for i in range(12)])
    data = anndata.AnnData(scipy.sparse.csr_matrix(counts), obs=obs, obsm={"X_pca": table})
    data.write_h5ad(tmp_path / "x.h5ad")
    read = load(tmp_path / "x.h5ad")
    assert np.array_equal(read.X, counts)
    assert read.labels.tolist() == ["T", "B"] * 6
    assert any("sparse" in note for note in read.notes)
    assert np.array_equal(load(tmp_path / "x.h5ad", key="obsm:X_pca").X, table)
    with pytest.raises(ValueError, match=r"did you mean 'X_pca'"):
        load(tmp_path / "x.h5ad", key="obsm:X_pcs")


@pytest.mark.parametrize("zipped", [False, True])
def test_mnist_from_a_folder(tmp_path, zipped):
    images = np.random.default_rng(0).integers(0, 256, (5, 28, 28)).astype(np.uint8)
    head = bytes([0, 0, 8, 3]) + np.array([5, 28, 28], ">u4").tobytes()
    labels = bytes([0, 0, 8, 1]) + np.array([5], ">u4").tobytes() + bytes(range(5))
    for name, content in (("images-idx3", head + images.tobytes()), ("labels-idx1", labels)):
        file = tmp_path / f"train-{name}-ubyte{'.gz' if zipped else ''}"
        file.write_bytes(gzip.compress(content) if zipped else content)
    for data in (load("mnist", folder=tmp_path), load(tmp_path)):
        assert np.allclose(data.X, images / 255, atol=1e-7)
        assert data.labels.tolist() == list(range(5))


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
        (lambda f: load(f / "x.npy", size=4), TypeError, "leave them out"),
        (lambda f: load(f / "x.csv", key="X"), ValueError, "label_column"),
        (lambda f: load(f / "x.csv", label_column="lable"), ValueError, "did you mean 'label'"),
        (lambda f: load(f / "x.csv", label_column="a"), ValueError, "categories"),
        (lambda f: load(f / "x.npz", key="Q"), ValueError, "it has X"),
        (lambda f: load(f / "x.npz", label_column="X2"), ValueError, "no labels 'X2'"),
        (lambda f: load(f / "x.npz", label_column="short"), ValueError, "one for each of the 3 rows"),
    ],
)
def test_bad_options_are_named(tmp_path, call, error, says):
    np.save(tmp_path / "x.npy", np.eye(3))
    np.savez(tmp_path / "x.npz", X=np.eye(3), short=np.arange(2))
    (tmp_path / "x.csv").write_text("a,label\n0.5,0\n1.5,1\n")
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
