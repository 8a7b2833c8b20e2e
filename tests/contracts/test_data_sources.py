"""Sources: what good files become, and what every bad one is told."""

import gzip

import numpy as np
import pandas as pd
import pytest
import xarray as xr
import zarr

from zeeman.data import load, write_dataset


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


def test_a_row_that_begins_with_a_hash_is_a_row(put):
    data = load(put("x.csv", "# by hand\nname,a,b\nu,1,2\n#1,1,3\nu,3,4\n"))
    assert data.X.tolist() == [[1, 2], [1, 3], [3, 4]]
    assert data.labels.tolist() == ["u", "#1", "u"]


@pytest.mark.parametrize("mark", ["\x85", "\u2028", "\x0c", "\x1e"])
def test_rows_end_at_line_feeds_and_carriage_returns_only(put, mark):
    for end in ("\n", "\r\n", "\r"):
        text = end.join(["a,kind", f"1,u{mark}v", "2,w", f"3,u{mark}v", ""])
        assert load(put("x.csv", text)).labels.tolist() == [f"u{mark}v", "w", f"u{mark}v"]


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
    write_dataset(ds, tmp_path / "data")  # a store whatever its name, as in the folder of a run
    data = load(tmp_path / "data")
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


@pytest.mark.parametrize(
    ("text", "names", "rows"),
    [
        ("0,1\n0.5,1.5\n2.5,3.5\n", ("0", "1"), 2),
        ("0\n0.5\n1.0\n", ("0",), 2),
        (",0\n0,5\n1,7\n2,9\n", ("0",), 3),
        (",0,1\n0,5,1\n1,7,2\n2,9,4\n", ("0", "1"), 3),
        ("0,1,species\n5.1,3.5,a\n4.9,3.0,a\n6.0,2.0,b\n", ("0", "1"), 3),
        ("0,species\n5,a\n4,a\n6,b\n", ("0",), 3),
        ("0,1,label\n5,3,a\n4,3,b\n", ("0", "1"), 2),
        ("species,0,1\na,5,3\na,4,3\nb,7,7\n", ("0", "1"), 3),
        (",0,1,species\n0,5,3,a\n1,4,3,a\n2,4,4,b\n", ("0", "1"), 3),
        ("0,1\n1,5.5,1.5\n2,7.5,2.5\n", ("0", "1"), 2),
    ],
)
def test_numbered_columns_of_pandas_are_a_header(tmp_path, text, names, rows):
    (tmp_path / "x.csv").write_text(text)
    data = load(tmp_path / "x.csv")
    assert data.feature_names == names
    assert len(data.X) == rows


@pytest.mark.parametrize("text", ["0,1\n1,0\n0,0\n", "0\n1\n2\n5\n", "0,1,a\n1,1,a\n2,0,b\n"])
def test_a_first_line_that_could_be_either_is_data_and_the_note_says_so(tmp_path, text):
    (tmp_path / "x.csv").write_text(text)
    data = load(tmp_path / "x.csv")
    assert len(data.X) == len(text.splitlines())
    assert any("could be numbers of columns" in note for note in data.notes)


def test_bytes_beside_an_array_are_text(tmp_path):
    import zarr

    group = zarr.open_group(tmp_path / "x.zarr", mode="w", zarr_format=2)
    group.create_array("X", data=np.arange(12.0).reshape(4, 3))
    group.create_array("names", data=np.array([b"a", b"b", b"a", b"c"], "S5"))
    data = load(tmp_path / "x.zarr", label_column="names")
    assert data.labels.tolist() == ["a", "b", "a", "c"]
    assert load(tmp_path / "x.zarr").variables["names"].dtype.kind == "U"


@pytest.mark.parametrize(("suffix", "separator"), [("tsv", "\t"), ("txt", "\t"), ("txt", "   "), ("txt", ",")])
def test_tables_of_text_are_read_whatever_separates_them(tmp_path, suffix, separator):
    X = np.random.default_rng(0).normal(size=(20, 3))
    np.savetxt(tmp_path / f"x.{suffix}", X, delimiter=separator)
    np.testing.assert_allclose(load(tmp_path / f"x.{suffix}").X, X)


def test_an_option_of_built_in_sources_given_to_a_file_is_refused_in_its_words(tmp_path):
    np.save(tmp_path / "x.npy", np.eye(5))
    with pytest.raises(TypeError, match=r"^size is for built-in sources"):
        load(tmp_path / "x.npy", size=8)
    with pytest.raises(TypeError, match=r"^size and n_samples are for"):
        load(tmp_path / "x.npy", size=8, n_samples=3)
