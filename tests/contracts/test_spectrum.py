"""LatentSpectrum keeps its contract: shapes, signs, names, errors, scikit-learn's own checks."""

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.utils.estimator_checks import check_estimator

import zeeman as zm


@pytest.fixture(scope="module")
def codes():
    rng = np.random.default_rng(0)
    return np.concatenate([rng.normal(-3, 1, (300, 2)), rng.normal(3, 1, (200, 2))])


@pytest.fixture(scope="module")
def spec(codes):
    return zm.LatentSpectrum(random_state=0).fit(codes)


def test_shapes(spec, codes):
    assert spec.energies_.shape == spec.energies_error_.shape == (10,)
    assert spec.energies_[0] == 0.0
    assert (np.diff(spec.energies_) >= 0).all()
    assert spec.transform(codes[:7]).shape == (7, 9)
    assert spec.predict(codes[:7]).shape == (7,)
    assert set(spec.predict(codes)) == set(range(spec.n_clusters_))
    assert spec.separation_.keys() == spec.separation_threshold_.keys() == set(range(2, 11))
    assert sum(spec.n_clusters_frequency_.values()) == pytest.approx(1.0)


def test_signs_make_third_moments_positive(spec, codes):
    moments = (spec.transform(codes) ** 3).mean(axis=0)
    determined = np.array(spec.signs_) == "skewness"
    assert determined.any()
    assert (moments >= 0).all()
    assert (moments[determined] > 0.3).all()


def test_same_seed_same_numbers(spec, codes):
    again = clone(spec).fit(codes)
    np.testing.assert_array_equal(again.energies_, spec.energies_)


def test_codes_of_one_replica(spec, codes):
    mean = codes[None].astype(np.float32)
    fitted = zm.LatentSpectrum(random_state=0).fit(zm.Codes(mean, np.ones_like(mean)))
    np.testing.assert_allclose(fitted.energies_, spec.energies_, rtol=1e-4, atol=1e-9)
    two = np.concatenate([mean, mean])
    with pytest.raises(ValueError, match="2 replicas"):
        zm.LatentSpectrum().fit(zm.Codes(two, two))
    for scale, message in ((mean[:, :, :1], "shape of codes.mean"), (mean * np.nan, "codes.scale"), (mean, "negative")):
        with pytest.raises(ValueError, match=message):
            zm.LatentSpectrum().fit(zm.Codes(mean, scale))


def test_n_clusters_can_be_fixed(codes):
    fitted = zm.LatentSpectrum(n_clusters=3, random_state=0, n_bootstrap=0).fit(codes)
    assert fitted.n_clusters_ == 3
    assert len(set(fitted.labels_)) == 3


def test_feature_names(spec, codes):
    assert list(spec.get_feature_names_out()[:2]) == ["state1", "state2"]
    frame = pd.DataFrame(codes, columns=["a", "b"])
    fitted = zm.LatentSpectrum(n_states=4, random_state=0, n_bootstrap=0).fit(frame)
    assert list(fitted.feature_names_in_) == ["a", "b"]


@pytest.mark.filterwarnings("error")
def test_two_points_have_two_levels():
    pair = np.repeat(np.random.default_rng(1).standard_normal((2, 2)), 50, axis=0)
    assert zm.LatentSpectrum(n_states=2, random_state=0).fit(pair).n_clusters_ == 2


BAD = {
    "NaN at row 3, column 1": (lambda Z: np.where(np.arange(1000).reshape(500, 2) == 7, np.nan, Z), {}),
    "infinity at row 0": (lambda Z: np.where(np.arange(1000).reshape(500, 2) == 0, np.inf, Z), {}),
    "no variation at all": (lambda Z: np.ones((50, 2)), {}),
    "too few for n_states": (lambda Z: Z[:8], {}),
    "distinct samples": (lambda Z: np.repeat(Z[:4], 50, axis=0), {}),
    "n_states must be at least 2": (lambda Z: Z, {"n_states": 1}),
    "raise it": (lambda Z: Z, {"n_clusters": 11}),
    "width must be a finite positive number": (lambda Z: Z, {"width": -1.0}),
}


@pytest.mark.parametrize("message", BAD)
def test_bad_input_is_refused(codes, message):
    spoil, options = BAD[message]
    with pytest.raises(ValueError, match=message):
        zm.LatentSpectrum(**options).fit(spoil(codes))


def test_scikit_learn_checks():
    results = check_estimator(zm.LatentSpectrum(n_states=4, random_state=0, n_bootstrap=2), on_fail=None, on_skip=None)
    failed = {r["check_name"]: r["exception"] for r in results if r["status"] == "failed"}
    assert not failed, failed
