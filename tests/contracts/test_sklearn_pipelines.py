"""The estimators among scikit-learn's, pandas' and xarray's own: pipelines, searches, clones, names, coordinates."""

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from sklearn.base import clone
from sklearn.cluster import KMeans
from sklearn.compose import ColumnTransformer
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import zeeman as zm
from zeeman.data import labelled
from zeeman.vae import LowLevels, NegativeBinomialLikelihood

FIXED = {"n_threads": 1, "engine": "apart", "precision": "float32"}
MAKERS = {
    "BetaVAE": lambda: zm.BetaVAE(n_epochs=2, likelihood="gaussian", random_state=0, **FIXED),
    "LatentSpectrum": lambda: zm.LatentSpectrum(n_states=3, random_state=0, n_bootstrap=0),
    "EigenNet": lambda: zm.EigenNet(n_states=3, hidden=(8,), n_epochs=2, random_state=0),
}


@pytest.fixture(scope="module")
def table():
    rng = np.random.default_rng(0)
    kind = rng.integers(0, 2, 200)
    values = rng.normal(size=(200, 4)) + 4.0 * kind[:, None] * [1, 1, 0, 0]
    frame = pd.DataFrame(values, columns=["height", "width", "x", "y"], index=[f"s{i}" for i in range(200)])
    return frame, kind


@pytest.mark.parametrize("name", sorted(MAKERS))
def test_pipeline_of_data_frames(table, name):
    X, kind = table
    pipe = make_pipeline(StandardScaler(), MAKERS[name](), KNeighborsClassifier(5)).set_output(transform="pandas")
    assert pipe.fit(X, kind).score(X, kind) > 0.8
    assert pipe[:-1].transform(X).index.equals(X.index)
    assert clone(pipe).fit(X, kind).predict(X).tolist() == pipe.predict(X).tolist()


@pytest.mark.parametrize("name", sorted(MAKERS))
def test_names_in_and_out(table, name):
    X, _ = table
    estimator = MAKERS[name]().set_output(transform="pandas").fit(X)
    assert estimator.feature_names_in_.tolist() == ["height", "width", "x", "y"]
    Z = estimator.transform(X)
    assert isinstance(Z, pd.DataFrame)
    assert Z.index.equals(X.index)
    assert Z.columns.tolist() == estimator.get_feature_names_out().tolist()
    expected = {"BetaVAE": ["betavae0", "betavae1"], "LatentSpectrum": ["state1", "state2"]}
    assert Z.columns.tolist() == expected.get(name, ["eigennet0", "eigennet1"])
    np.testing.assert_array_equal(Z.to_numpy(), clone(estimator).set_output(transform="default").fit(X).transform(X))
    with pytest.raises(ValueError, match="feature names"):
        estimator.transform(X[["x", "y", "height", "width"]])


@pytest.mark.parametrize("name", sorted(MAKERS))
def test_beside_other_columns(table, name):
    X, kind = table
    both = ColumnTransformer([("latent", MAKERS[name](), ["height", "width", "x"])], remainder="passthrough")
    out = both.set_output(transform="pandas").fit_transform(X.assign(kind=kind))
    assert out.columns[-1] == "remainder__kind"
    assert out.columns[0].startswith("latent__")


def test_grid_search_scores_by_the_evidence_bound(table):
    X, _ = table
    search = GridSearchCV(MAKERS["BetaVAE"](), {"latent_dim": [1, 2], "beta": [1.0, 4.0]}, cv=2).fit(X)
    scores = search.cv_results_["mean_test_score"]
    assert np.isfinite(scores).all()
    assert search.best_score_ == scores.max()
    assert search.best_estimator_.transform(X).shape == (200, search.best_params_["latent_dim"])


def test_grid_search_over_states_in_a_pipeline(table):
    X, kind = table
    pipe = make_pipeline(MAKERS["LatentSpectrum"](), KNeighborsClassifier(5))
    search = GridSearchCV(pipe, {"latentspectrum__n_states": [2, 4]}, cv=2).fit(X, kind)
    assert search.best_score_ > 0.9
    assert cross_val_score(MAKERS["EigenNet"](), X, cv=2).shape == (2,)


def test_a_spectrum_clusters_like_any_clusterer(table):
    X, kind = table
    labels = make_pipeline(StandardScaler(), MAKERS["LatentSpectrum"]()).fit_predict(X)
    same = max((labels == kind).mean(), (labels != kind).mean())
    assert same > 0.95
    assert KMeans(2, n_init=1, random_state=0).fit_predict(X).shape == labels.shape


def test_clones_keep_every_choice():
    vae = zm.BetaVAE(
        likelihood=NegativeBinomialLikelihood(dispersion="gene-cell"), regulariser=LowLevels(0.1), beta=3.0, n_epochs=7
    )
    again = clone(vae)
    assert repr(again) == repr(vae)
    assert again.likelihood.settings() == vae.likelihood.settings()
    assert "NegativeBinomialLikelihood(dispersion='gene-cell', library='observed')" in repr(vae)
    assert again.get_params()["regulariser"] == LowLevels(0.1)


@pytest.fixture(scope="module")
def spins():
    rng = np.random.default_rng(0)
    x = rng.choice([-1, 1], (40, 8, 8)).astype(np.int8)
    coords = {
        "temperature": ("sample", np.linspace(1, 4, 40)),
        "x": np.arange(8) * 0.5,
        "phase": ("sample", ["a"] * 40),
    }
    return xr.DataArray(x, dims=("sample", "x", "y"), coords=coords, name="configuration")


def test_xarray_in_and_its_coordinates_out(spins):
    vae = zm.BetaVAE(n_epochs=1, n_replicas=2, network="mlp", random_state=0, **FIXED).fit(spins)
    Z = labelled(vae.transform(spins), spins, names=vae.get_feature_names_out())
    assert Z.dims == ("sample", "latent")
    assert Z.latent.values.tolist() == ["betavae0", "betavae1"]
    xr.testing.assert_equal(Z.temperature.drop_vars("phase"), spins.temperature.drop_vars("phase"))
    hot = Z.where(Z.temperature > 3, drop=True)
    assert hot.sizes["sample"] == int((spins.temperature > 3).sum())
    fields = labelled(vae.local_fields(Z), spins)
    assert fields.dims == ("sample", "x", "y")
    assert fields.x.values.tolist() == spins.x.values.tolist()
    codes = labelled(vae.encode(spins), spins)
    assert codes["mean"].dims == ("replica", "sample", "latent")
    assert codes["scale"].temperature.equals(spins.temperature)
    labels = labelled(np.zeros(40, int), spins)
    assert labels.dims == ("sample",)
    states = labelled(np.zeros((40, 8, 8, 3)), spins, dim="state")
    assert states.dims == ("sample", "x", "y", "state")
    assert set(states.coords) == {"temperature", "phase", "x"}
    # and back in again: a spectrum of the labelled codes
    spec = zm.LatentSpectrum(n_states=3, random_state=0, n_bootstrap=0).fit(Z)
    assert labelled(spec.transform(Z), Z, "state", spec.get_feature_names_out()).state.values.tolist() == [
        "state1",
        "state2",
    ]


def test_a_new_axis_as_long_as_a_site_axis_needs_names(spins):
    flat = spins.isel(y=0, drop=True)
    assert labelled(np.zeros((40, 8)), flat).dims == ("sample", "x")
    assert labelled(np.zeros((40, 8)), flat, names=list("abcdefgh")).dims == ("sample", "latent")


def test_arrays_that_do_not_belong_are_refused(spins):
    with pytest.raises(ValueError, match="do not belong"):
        labelled(np.zeros((39, 2)), spins)
    with pytest.raises(TypeError, match="must be a DataArray"):
        labelled(np.zeros((40, 2)), spins.values)
    with pytest.raises(ValueError, match=r"transpose\('sample', \.\.\.\)"):
        zm.BetaVAE(n_epochs=1).fit(spins.transpose("x", "y", "sample"))
    with pytest.raises(ValueError, match=r"transpose\('sample', \.\.\.\)"):
        zm.LatentSpectrum().fit(spins.isel(x=0).transpose("y", "sample"))
    with pytest.raises(ValueError, match=r"transpose\('sample', \.\.\.\)"):
        zm.EigenNet().fit(spins.isel(x=0).transpose("y", "sample"))
