"""zm.sc: what is read from an AnnData, what is written and where, and what is refused."""

import subprocess
import sys

import anndata
import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sparse
from sklearn.metrics import adjusted_rand_score

from zeeman.data import annotated
from zeeman.studies import EmbeddingOptions, spectrum
from zeeman.studies import single_cell as sc
from zeeman.vae import BetaVAE

FIXED = {"n_threads": 1, "engine": "apart", "precision": "float32"}
QUICK = {"n_replicas": 2, "n_epochs": 4, "n_states": 4, "latent_dim": 3, "n_clusters": 3, **FIXED}


def cells(n=240, genes=30, kinds=3, seed=0):
    """Negative-binomial counts of three kinds of cells."""
    rng = np.random.default_rng(seed)
    kind = rng.integers(0, kinds, n)
    rates = np.exp(rng.normal(0.5, 1.0, (kinds, genes)))[kind] * np.exp(0.3 * rng.normal(size=(n, 1)))
    x = rng.poisson(rates * rng.gamma(3.0, 1 / 3.0, rates.shape)).astype(np.float32)
    adata = anndata.AnnData(x, obs=pd.DataFrame({"kind": kind.astype(str)}, index=[f"cell{i}" for i in range(n)]))
    adata.var_names = [f"gene{g}" for g in range(genes)]
    return adata


def embedded(n=300, replicas=3, seed=0):
    """The same cells in spaces that differ by rotations, in .obsm."""
    rng = np.random.default_rng(seed)
    kind = rng.integers(0, 3, n)
    Z = rng.normal(size=(n, 3)) + 5.0 * np.eye(3)[kind]
    obs = pd.DataFrame({"kind": kind.astype(str)}, index=[f"cell{i}" for i in range(n)])
    adata = anndata.AnnData(sparse.csr_matrix((n, 2), dtype=np.float32), obs=obs)
    for r in range(replicas):
        Q = np.linalg.qr(rng.normal(size=(3, 3)))[0]
        adata.obsm[f"X_tool_{r}"] = Z @ Q + 0.05 * rng.normal(size=Z.shape)
    return adata


@pytest.fixture(scope="module")
def trained():
    adata = cells()
    sc.fit(adata, **QUICK)
    return adata


def test_fit_writes_scanpys_places(trained):
    assert trained.obsm["X_zeeman"].shape == (240, 3)
    assert trained.obsm["X_zeeman_0"].shape == trained.obsm["X_zeeman_1"].shape == (240, 3)
    assert trained.obs["zeeman_energy"].dtype == float
    assert (trained.obs["zeeman_energy"] >= 0).all()
    state = trained.obs["zeeman_state"]
    assert isinstance(state.dtype, pd.CategoricalDtype)
    assert list(state.cat.categories) == [str(k) for k in range(trained.uns["zeeman"]["n_clusters"])]
    assert trained.obs["zeeman_agreement"].between(0.5, 1.0).all()
    uns = trained.uns["zeeman"]
    assert uns["energies"].shape == (4,)
    assert uns["energies_replicas"].shape == (2, 4)
    assert list(uns["params"]["use_rep"]) == ["X_zeeman_0", "X_zeeman_1"]
    assert uns["training"]["likelihood"] == "negative-binomial"


def test_what_is_written_survives_the_file(trained, tmp_path):
    trained.write_h5ad(tmp_path / "cells.h5ad")
    again = anndata.read_h5ad(tmp_path / "cells.h5ad")
    np.testing.assert_array_equal(again.obsm["X_zeeman"], trained.obsm["X_zeeman"])
    pd.testing.assert_frame_equal(again.obs, trained.obs)
    np.testing.assert_array_equal(again.uns["zeeman"]["energies"], trained.uns["zeeman"]["energies"])
    assert list(again.uns["zeeman"]["params"]["use_rep"]) == ["X_zeeman_0", "X_zeeman_1"]
    assert again.uns["zeeman"]["training"]["n_epochs"] == 4
    # and the codes of every training can be read again
    sc.lift(again, n_states=4, n_clusters=3, key_added="again")
    np.testing.assert_array_equal(again.obsm["X_again"], trained.obsm["X_zeeman"])


@pytest.mark.parametrize("form", ["dense", "csr", "csc", "layer", "integers", "view", "backed", "backed csr"])
def test_the_form_of_the_counts_does_not_matter(form, tmp_path, monkeypatch):
    monkeypatch.setattr(annotated, "_ROWS", 50)
    adata, expected, layer = cells(), cells().X, None
    if "csr" in form:
        adata.X = sparse.csr_matrix(adata.X)
    match form.split()[0]:
        case "csc":
            adata.X = sparse.csc_matrix(adata.X)
        case "integers":
            adata.X = adata.X.astype(np.int64)
        case "layer":
            adata.layers["raw"] = sparse.csr_matrix(adata.X)
            adata.X = np.log1p(adata.X)
            layer = "raw"
        case "view":
            adata, expected = adata[::2, 3:], expected[::2, 3:]
        case "backed":
            adata.write_h5ad(tmp_path / "cells.h5ad")
            adata = anndata.read_h5ad(tmp_path / "cells.h5ad", backed="r")
    counts = annotated.counts_of(adata, layer)
    assert counts.dtype == np.uint8
    np.testing.assert_array_equal(counts, expected)
    np.testing.assert_array_equal(annotated.counts_of(adata, layer, np.arange(adata.n_vars) < 4), expected[:, :4])


def test_backed_sparse_counts_are_trained_on(trained, tmp_path):
    adata = cells()
    adata.X = sparse.csr_matrix(adata.X)
    adata.write_h5ad(tmp_path / "cells.h5ad")
    backed = anndata.read_h5ad(tmp_path / "cells.h5ad", backed="r")
    sc.fit(backed, **QUICK)
    np.testing.assert_array_equal(backed.obsm["X_zeeman"], trained.obsm["X_zeeman"])
    with pytest.raises(ValueError, match="backed AnnData cannot be copied"):
        sc.fit(backed, copy=True, **QUICK)
    backed.file.close()


def test_a_copy_leaves_the_original():
    adata = embedded(n=200, replicas=1)
    done = sc.spectrum(adata, "tool_0", n_states=4, n_clusters=3, copy=True)
    assert "X_zeeman" in done.obsm
    assert "X_zeeman" not in adata.obsm
    assert list(adata.obs) == ["kind"]
    assert "zeeman" not in adata.uns


def test_sparse_counts_are_never_made_dense_whole(monkeypatch):
    monkeypatch.setattr(annotated, "_ROWS", 50)
    adata = cells()
    adata.X = sparse.csr_matrix(adata.X)
    seen = []
    whole = sparse.csr_matrix.toarray
    monkeypatch.setattr(
        sparse.csr_matrix, "toarray", lambda self, *a, **k: (seen.append(self.shape[0]), whole(self))[1]
    )
    counts = annotated.counts_of(adata)
    assert counts.dtype == np.uint8
    assert max(seen) == 50
    np.testing.assert_array_equal(counts, cells().X)
    adata.X[3, 4] = 70_000
    assert annotated.counts_of(adata).dtype == np.uint32


def test_highly_variable_genes_are_taken_where_they_are_marked():
    adata = cells()
    adata.var["highly_variable"] = np.arange(30) < 12
    sc.fit(adata, **QUICK)
    assert adata.uns["zeeman"]["training"]["n_genes"] == 12
    assert adata.uns["zeeman"]["training"]["mask_var"] == "highly_variable"
    for mask, n_genes in ((None, 30), ("highly_variable", 12), (np.arange(30) < 5, 5)):
        X, about = sc._training_data(adata, None, None, mask)
        assert X.shape == (240, n_genes)
        assert about["n_genes"] == n_genes


def test_a_model_of_ones_own_stays_with_its_owner():
    adata = cells()
    vae = BetaVAE(2, "negative-binomial", n_epochs=2, random_state=1, **FIXED)
    sc.fit(adata, vae, n_states=4)
    assert vae.decode(adata.obsm["X_zeeman_0"]).mean.shape == (240, 30)
    assert "zeeman_agreement" not in adata.obs
    with pytest.raises(TypeError, match="belong to the model"):
        sc.fit(adata, BetaVAE(), latent_dim=3)


def test_training_on_an_embedding():
    adata = embedded()
    sc.fit(adata, use_rep="tool_0", **QUICK)
    assert adata.uns["zeeman"]["training"]["likelihood"] == "gaussian"
    assert adata.obsm["X_zeeman"].shape == (300, 3)


def test_several_spaces_are_lifted_and_one_is_read():
    adata = embedded()
    names = ["X_tool_0", "X_tool_1"]
    sc.lift(adata, names, n_states=5)
    assert adjusted_rand_score(adata.obs["kind"], adata.obs["zeeman_state"]) > 0.95
    assert adata.obs["zeeman_agreement"].between(0.5, 1.0).all()
    assert adata.uns["zeeman"]["n_clusters_found"].tolist() == [3, 3]
    sc.spectrum(adata, "X_tool_0", n_states=5, key_added="first")
    assert "first_agreement" not in adata.obs
    assert adjusted_rand_score(adata.obs["zeeman_state"], adata.obs["first_state"]) > 0.95
    # one space under the old names: what several said is gone
    sc.spectrum(adata, "X_tool_0", n_states=5, n_clusters=3)
    assert "zeeman_agreement" not in adata.obs
    adata.obsm["X_pca"] = pd.DataFrame(adata.obsm["X_tool_0"], index=adata.obs_names, columns=list("abc"))
    assert sc.spectrum(adata, n_states=5, n_clusters=3, copy=True).uns["zeeman"]["params"]["use_rep"][0] == "X_pca"


def test_energies_do_not_depend_on_the_frame():
    adata = embedded(replicas=1)
    adata.obsm["X_turned"] = adata.obsm["X_tool_0"] @ np.linalg.qr(np.random.default_rng(1).normal(size=(3, 3)))[0]
    for key in ("tool_0", "turned"):
        sc.spectrum(adata, key, n_states=5, n_clusters=3, key_added=key)
    np.testing.assert_allclose(adata.obs["tool_0_energy"], adata.obs["turned_energy"], rtol=1e-6, atol=1e-9)
    levels = adata.uns["tool_0"]["energies"]
    assert adata.obs["tool_0_energy"].between(0, levels[2] * (1 + 1e-12)).all()


def test_unlike_scales_are_brought_together():
    adata = embedded(replicas=2)
    adata.obsm["X_tool_1"] = 7.0 * adata.obsm["X_tool_1"]
    sc.lift(adata, ["X_tool_0", "X_tool_1"], n_states=5, n_clusters=3)
    first, second = adata.uns["zeeman"]["energies_replicas"]
    np.testing.assert_allclose(first[3:], second[3:], rtol=0.5)  # below, sets that nothing joins
    sc.lift(adata, ["X_tool_0", "X_tool_1"], n_states=5, n_clusters=3, scale="none")
    first, second = adata.uns["zeeman"]["energies_replicas"]
    np.testing.assert_allclose(first[3:] / 49, second[3:], rtol=0.5)


def test_write_back_leaves_the_rest_of_the_file(tmp_path):
    adata = embedded(replicas=2)
    adata.uns["neighbors"] = {"params": {"n_neighbors": 15}}
    adata.write_h5ad(tmp_path / "cells.h5ad")
    before = (tmp_path / "cells.h5ad").read_bytes()
    spaces = [adata.obsm["X_tool_0"], adata.obsm["X_tool_1"]]
    found = sc.annotation_of(spaces, ["a", "b"], n_states=5, n_clusters=3)
    written = sc.write_back(tmp_path / "cells.h5ad", found)
    assert written == tmp_path / "cells_zeeman.h5ad"
    assert (tmp_path / "cells.h5ad").read_bytes() == before
    again = anndata.read_h5ad(written)
    assert list(again.obs) == ["kind", "zeeman_energy", "zeeman_state", "zeeman_agreement"]
    np.testing.assert_array_equal(again.obsm["X_zeeman"], found.coordinates)
    np.testing.assert_array_equal(again.obsm["X_tool_0"], adata.obsm["X_tool_0"])
    assert again.uns["neighbors"]["params"]["n_neighbors"] == 15
    assert again.uns["zeeman"]["n_clusters"] == 3
    assert (again.X != adata.X).nnz == 0
    # in place, and once more over itself
    for _ in range(2):
        assert sc.write_back(written, found, written) == written
    assert list(anndata.read_h5ad(written).obs) == list(again.obs)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["cells.h5ad", "cells_zeeman.h5ad"]


def test_write_back_of_a_run(tmp_path):
    from zeeman.studies import EmbeddingOptions
    from zeeman.studies import spectrum as study

    adata = embedded(replicas=1)
    adata.write_h5ad(tmp_path / "cells.h5ad")
    options = EmbeddingOptions(n_states=4, n_clusters=3, key="obsm:X_tool_0")
    analysis = study(tmp_path / "cells.h5ad", tmp_path / "run", options, progress=False)
    again = anndata.read_h5ad(sc.write_back(tmp_path / "cells.h5ad", analysis, tmp_path / "run" / "cells.h5ad"))
    np.testing.assert_array_equal(again.obsm["X_zeeman"], analysis.coordinates)
    np.testing.assert_array_equal(again.uns["zeeman"]["energies"], analysis.energies)
    assert again.obs["zeeman_state"].astype(int).tolist() == analysis.clusters.tolist()


def test_an_embedding_is_read_from_a_file_without_its_counts(tmp_path, monkeypatch):
    from zeeman.data import load

    adata = embedded(replicas=1)
    adata.write_h5ad(tmp_path / "cells.h5ad")
    whole, asked = anndata.read_h5ad, []
    monkeypatch.setattr(anndata, "read_h5ad", lambda path, backed=None: (asked.append(backed), whole(path, backed))[1])
    np.testing.assert_array_equal(load(tmp_path / "cells.h5ad", key="obsm:X_tool_0").X, adata.obsm["X_tool_0"])
    assert asked == ["r"]
    (tmp_path / "cells.h5ad").unlink()  # nothing holds it open


def test_sparse_counts_given_to_an_estimator_are_refused_with_a_remedy():
    with pytest.raises(TypeError, match="toarray"):
        BetaVAE(likelihood="negative-binomial").fit(sparse.csr_matrix(cells().X))


BAD = {
    "no AnnData": (lambda a: sc.fit(np.eye(3)), TypeError, "must be an anndata.AnnData"),
    "logarithms": (lambda a: sc.fit(_with(a, X=np.log1p(a.X))), ValueError, "cell 'cell0', gene .* no count"),
    "logarithms beside counts": (
        lambda a: sc.fit(_with(a, X=np.log1p(a.X), layer=a.X)), ValueError, "give layer='counts'",
    ),
    "negative": (lambda a: sc.fit(_with(a, X=a.X - 1)), ValueError, "no count"),
    "missing": (lambda a: sc.fit(_with(a, X=np.where(a.X.max() == a.X, np.nan, a.X))), ValueError, "holds nan"),
    "no matrix": (lambda a: sc.fit(anndata.AnnData(obs=a.obs, layers={"counts": a.X})), ValueError, "no .X"),
    "no layer": (lambda a: sc.fit(_with(a, layer=a.X), layer="count"), ValueError, "did you mean 'counts'"),
    "empty cell": (lambda a: sc.fit(_with(a, X=a.X * (np.arange(240) != 7)[:, None])), ValueError, "'cell7' has no"),
    "both": (lambda a: sc.fit(a, layer="x", use_rep="y"), ValueError, "not both"),
    "no column": (lambda a: sc.fit(a, mask_var="hvg"), ValueError, "no column 'hvg'"),
    "no mask": (lambda a: sc.fit(a, mask_var=np.zeros(30, bool)), ValueError, "mark by True at least one"),
    "wrong mask": (lambda a: sc.fit(a, mask_var=np.ones(3, bool)), ValueError, "mark by True at least one"),
    "no embedding": (lambda a: sc.spectrum(a), ValueError, "choose embeddings with use_rep"),
    "no such embedding": (lambda a: sc.spectrum(_with(a, Z=a.X), "X_sc"), ValueError, "it has X_scVI"),
    "a lift of one": (lambda a: sc.lift(_with(a, Z=a.X), ["X_scVI"]), ValueError, "use spectrum"),
    "twice": (lambda a: sc.lift(_with(a, Z=a.X), ["X_scVI", "X_scVI"]), ValueError, "different embeddings"),
    "holes": (lambda a: sc.spectrum(_with(a, Z=np.where(a.X > 20, np.nan, a.X)), "scVI"), ValueError, "NaN"),
    "scale": (lambda a: sc.spectrum(_with(a, Z=a.X), "scVI", scale="axes"), ValueError, "scale must be one of"),
}  # fmt: skip


def _with(a, X=None, layer=None, Z=None):
    a = a.copy()
    if layer is not None:
        a.layers["counts"] = layer
    if X is not None:
        a.X = X
    if Z is not None:
        a.obsm["X_scVI"] = Z
    return a


@pytest.mark.parametrize("case", sorted(BAD))
def test_bad_input_is_refused_and_nothing_is_written(case):
    call, kind, said = BAD[case]
    adata = cells()
    with pytest.raises(kind, match=said):
        call(adata)
    assert list(adata.obs) == ["kind"]
    assert not list(adata.obsm)


def test_bad_files_are_refused(tmp_path):
    adata = embedded(n=60, replicas=1)
    found = sc.annotation_of([adata.obsm["X_tool_0"]], ["a"], n_states=3)
    adata[:50].copy().write_h5ad(tmp_path / "fewer.h5ad")
    with pytest.raises(ValueError, match="60 cells were read"):
        sc.write_back(tmp_path / "fewer.h5ad", found)
    with pytest.raises(ValueError, match=r"must end in \.h5ad"):
        sc.write_back(tmp_path / "fewer.h5ad", found, tmp_path / "out.csv")
    with pytest.raises(OSError, match="nowhere"):
        sc.write_back(tmp_path / "nowhere.h5ad", found)
    assert [path.name for path in tmp_path.iterdir()] == ["fewer.h5ad"]


def test_anndata_is_imported_late_and_scanpy_never():
    code = (
        "import sys, zeeman.studies.single_cell; print([m for m in ('anndata', 'scanpy', 'scvi') if m in sys.modules])"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout.strip() == "[]"


def test_the_command_line_writes_what_it_found_beside_the_report(tmp_path):
    rng = np.random.default_rng(0)
    cells = anndata.AnnData(X=np.zeros((160, 2), np.float32))
    cells.obsm["X_other"] = np.concatenate([rng.normal(-3, 1, (80, 2)), rng.normal(3, 1, (80, 2))])
    cells.write_h5ad(tmp_path / "cells.h5ad")
    options = EmbeddingOptions(key="obsm:X_other", n_states=4)
    spectrum([tmp_path / "cells.h5ad"], tmp_path / "run", options, progress=False)
    written = anndata.read_h5ad(tmp_path / "run" / "cells.h5ad")
    assert written.obs["zeeman_state"].nunique() == 2
    assert written.obsm["X_zeeman"].shape == (160, 3)
    assert "X_zeeman" not in anndata.read_h5ad(tmp_path / "cells.h5ad").obsm
