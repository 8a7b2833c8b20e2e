"""EigenNet keeps its contract: shapes, seeds, refusals, scikit-learn's own checks."""

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.utils.estimator_checks import check_estimator

from zeeman.eigennet import EigenNet, pointwise_optimum

SHORT = {"hidden": (16,), "n_epochs": 5, "random_state": 0}


@pytest.fixture(scope="module")
def codes():
    rng = np.random.default_rng(0)
    return np.concatenate([rng.normal(-2, 1, (400, 2)), rng.normal(2, 1, (300, 2))])


def test_shapes(codes):
    net = EigenNet(n_states=3, **SHORT).fit(codes)
    assert net.energies_.shape == net.held_out_energies_.shape == (3,)
    assert net.energies_[0] == 0.0
    assert (np.diff(net.energies_) >= 0).all()
    assert net.held_out_trace_ == pytest.approx(net.held_out_energies_.sum())
    assert net.transform(codes[:7]).shape == (7, 2)
    assert net.states(codes[:7]).shape == (7, 3)
    assert len(net.get_feature_names_out()) == 2
    assert net.history_["validation"].shape == (5,)
    assert not hasattr(net, "energies_of")
    assert net.score(codes) == pytest.approx(-net.energies_.sum())


@pytest.mark.parametrize("objective", ["paper", "corrected"])
def test_objectives_of_single_samples_offer_no_spectrum(codes, objective):
    net = EigenNet(objective=objective, **SHORT).fit(codes)
    assert net.energies_of(codes).shape == net.quantum_numbers(codes).shape == (700,)
    assert net.transform(codes).shape == (700, 1)
    assert not hasattr(net, "energies_")
    assert not hasattr(net, "states")
    longest = np.linalg.norm(codes, axis=1).max()
    assert net.box_.length == pytest.approx(longest)
    assert net.box_.alpha == pytest.approx(0.5 * (np.pi / longest) ** 2)
    assert net.box_.t == pytest.approx(4 if objective == "paper" else 4 / longest)


@pytest.mark.parametrize("objective", ["rayleigh", "paper"])
def test_same_seed_same_numbers(codes, objective):
    net = EigenNet(objective=objective, **SHORT).fit(codes)
    np.testing.assert_array_equal(clone(net).fit(codes).transform(codes), net.transform(codes))
    other = clone(net).set_params(random_state=1).fit(codes)
    assert not np.array_equal(other.transform(codes), net.transform(codes))


@pytest.mark.parametrize(
    ("parameters", "error", "words"),
    [
        ({"objective": "rayliegh"}, ValueError, "did you mean 'rayleigh'"),
        ({"n_states": 1}, ValueError, "n_states must be at least 2"),
        ({"hidden": 64}, TypeError, "hidden must be a tuple"),
        ({"hidden": (8, 0)}, ValueError, "width in hidden"),
        ({"kinetic": -1.0}, ValueError, "kinetic must be a finite positive"),
        ({"learning_rate": np.nan}, ValueError, "learning_rate"),
        ({"validation_fraction": 1.0}, ValueError, "validation_fraction"),
        ({"validation_fraction": "a"}, TypeError, "validation_fraction must be a finite"),
        ({"kinetic": "a"}, TypeError, "kinetic must be a finite positive"),
        ({"objective": "paper", "length": "a"}, TypeError, "length must be a finite positive"),
        ({"objective": "paper", "t": 1.5}, ValueError, "integer t"),
        ({"objective": "paper", "alpha": 0.0}, ValueError, "alpha must be"),
        ({"objective": "corrected", "t": 1.5, "length": 1.0}, ValueError, "must be an integer"),
    ],
)
def test_bad_parameters_are_named(codes, parameters, error, words):
    with pytest.raises(error, match=words):
        EigenNet(**{**SHORT, **parameters}).fit(codes)


def test_a_small_fraction_of_few_samples_is_held_out(codes):
    few, all_of_them = (EigenNet(n_states=2, validation_fraction=part, **SHORT).fit(codes[:40]) for part in (0.01, 0.0))
    assert few.held_out_trace_ != pytest.approx(few.energies_.sum())
    assert all_of_them.held_out_trace_ == pytest.approx(all_of_them.energies_.sum())


def test_held_out_samples_too_few_for_the_levels_leave_them_open(codes):
    repeated = np.concatenate([np.repeat(codes[:1], 500, axis=0), codes[300:312]])
    net = EigenNet(n_states=4, validation_fraction=0.02, **SHORT).fit(repeated)
    assert net.held_out_energies_.shape == (4,)
    assert np.isnan(net.held_out_energies_[-1])


def test_bad_samples_and_potentials_are_named(codes):
    with pytest.raises(ValueError, match="no variation"):
        EigenNet(**SHORT).fit(np.ones((50, 2)))
    with pytest.raises(ValueError, match="NaN"):
        EigenNet(**SHORT).fit(np.where(codes == codes[3, 1], np.nan, codes))
    with pytest.raises(ValueError, match="too few for n_states"):
        EigenNet(**SHORT).fit(codes[:6])
    with pytest.raises(ValueError, match="one number a sample"):
        EigenNet(**SHORT).fit(codes, potential=lambda z: z)
    with pytest.raises(ValueError, match="contains NaN"):
        EigenNet(**SHORT).fit(codes, potential=lambda z: z[:, 0] * np.nan)
    with pytest.raises(ValueError, match="potential of its own"):
        EigenNet(objective="paper", **SHORT).fit(codes, potential=lambda z: z[:, 0])


def test_optimum_refuses_what_is_no_radius():
    with pytest.raises(ValueError, match="radius"):
        pointwise_optimum([-1.0], t=3, alpha=0.01)


@pytest.mark.parametrize("objective", ["rayleigh", "paper"])
def test_constant_columns_and_one_latent_are_fine(codes, objective):
    net = EigenNet(n_states=2, objective=objective, **SHORT)
    assert np.isfinite(net.fit(codes[:, :1]).transform(codes[:, :1])).all()
    padded = np.column_stack([codes, np.full(len(codes), 7.0)])
    assert np.isfinite(net.fit(padded).transform(padded)).all()


def test_scikit_learn_checks():
    net = EigenNet(n_states=2, hidden=(8,), n_epochs=2, random_state=0)
    results = check_estimator(net, on_fail=None, on_skip=None)
    failed = {r["check_name"]: r["exception"] for r in results if r["status"] == "failed"}
    assert not failed, failed
