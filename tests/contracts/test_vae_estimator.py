"""BetaVAE keeps the contract: names, shapes, codings, refusals, files, and scikit-learn's battery."""

import json

import numpy as np
import pytest
import torch
from sklearn.utils.estimator_checks import check_estimator
from torch import nn

from zeeman.spectrum import LatentSpectrum
from zeeman.vae import BetaVAE

FIXED = {"n_threads": 1, "engine": "apart", "precision": "float32", "random_state": 0}


def bits(shape, seed=0):
    return np.random.default_rng(seed).integers(0, 2, shape)


def fitted(X, **options):
    return BetaVAE(**{"n_epochs": 1, "batch_size": 16, **FIXED, **options}).fit(X)


def test_scikit_learn_battery():
    results = check_estimator(BetaVAE(n_epochs=3, random_state=0), on_fail=None, on_skip=None)
    failed = [(r["check_name"], r["exception"]) for r in results if r["status"] == "failed"]
    assert not failed  # no exceptions: float32 networks meet every tolerance


DATA = {
    "bernoulli": bits((40, 8, 8)),
    "categorical": np.random.default_rng(1).integers(0, 4, (40, 8, 8)),
    "gaussian": np.random.default_rng(2).normal(size=(40, 8, 8)),
}


@pytest.mark.parametrize("likelihood", sorted(DATA))
@pytest.mark.parametrize("tempered", [False, True])
@pytest.mark.parametrize("network", ["auto", "mlp"])
def test_shapes(likelihood, tempered, network):
    X = DATA[likelihood]
    vae = fitted(X, tempered=tempered, network=network, n_replicas=2, latent_dim=3)
    assert vae.likelihood_ == likelihood
    assert vae.likelihood_reason_.startswith(likelihood)
    assert vae.network_ == ("mlp" if network == "mlp" else "table2" if tempered else "table1")
    codes = vae.encode(X)
    assert codes.mean.shape == codes.scale.shape == (2, 40, 3)
    assert codes.mean.dtype == np.float32
    assert (codes.scale > 0).all()
    Z = vae.transform(X)
    np.testing.assert_allclose(Z, codes.mean[vae.best_replica_], atol=1e-6)
    p = vae.decode(Z)
    assert p.batch_shape == (40,)
    assert p.event_shape == (8, 8)
    assert p.log_prob(torch.from_numpy(X).float()).shape == (40,)
    assert p.mean.shape == (40, 8, 8)
    assert vae.local_fields(Z).shape == ((40, 8, 8, 4) if likelihood == "categorical" else (40, 8, 8))
    warmth = vae.local_inverse_temperatures(Z)
    assert warmth.shape == (40, 8, 8)
    assert ((warmth > 0) & (warmth < 1)).all() if tempered else (warmth == 1).all()
    x = vae.sample(5)
    assert x.shape == (5, 8, 8)
    assert x.dtype == X.dtype
    np.testing.assert_array_equal(x, vae.sample(5))
    assert np.isfinite(vae.score(X))
    assert vae.log_likelihood(X[:3], n_importance=4).shape == (2, 3)
    assert vae.history_["epoch"].tolist() == [1]
    for name in ("loss", "reconstruction", "kl", "validation_elbo"):
        assert vae.history_[name].shape == (1, 2)
    assert vae.elbo_[vae.best_replica_] == vae.elbo_.max()
    assert vae.n_features_in_ == 64
    assert vae.n_parameters_ == sum(p.numel() for p in vae.modules_[0].parameters())
    assert not vae.interrupted_


def test_bernoulli_mean_is_the_sigmoid_of_the_field():
    X = 2 * bits((40, 8, 8)) - 1
    vae = fitted(X)
    Z = vae.transform(X)
    np.testing.assert_allclose(vae.decode(Z).mean, 1 / (1 + np.exp(-vae.local_fields(Z))), rtol=1e-5)


def test_codes_come_back_in_the_units_of_the_data():
    rng, Z = np.random.default_rng(0), np.linspace(-2, 2, 10).reshape(5, 2)
    up = rng.integers(0, 2, (60, 9))
    for low in (0, -1):
        vae = BetaVAE(n_epochs=1, random_state=0).fit(low + (1 - low) * up)
        mean = vae.decode(Z).mean.numpy()
        np.testing.assert_allclose(vae.inverse_transform(Z), low + (1 - low) * mean, rtol=1e-5, atol=1e-6)
    for X in (rng.normal(size=(60, 9)), rng.integers(-1, 2, (60, 9)), rng.integers(0, 5, (60, 9))):
        vae = BetaVAE(n_epochs=1, random_state=0).fit(X)
        np.testing.assert_array_equal(vae.inverse_transform(Z), vae.decode(Z).mean.numpy())


def test_coding_of_the_data_does_not_matter_and_comes_back():
    X = bits((40, 8, 8))
    low, high = fitted(X), fitted(2 * X - 1)
    np.testing.assert_array_equal(low.transform(X), high.transform(2 * X - 1))
    np.testing.assert_array_equal(2 * low.sample(9) - 1, high.sample(9))
    assert set(np.unique(high.sample(9))) <= {-1, 1}
    assert fitted(X.astype(bool)).sample(3).dtype == bool


@pytest.mark.parametrize(
    ("X", "likelihood", "network"),
    [
        (bits((20, 64)), "bernoulli", "mlp"),  # columns are never an image
        (bits((20, 8, 8)).astype(float), "bernoulli", "table1"),
        (bits((20, 6, 6)), "bernoulli", "mlp"),
        (bits((20, 9, 9)), "bernoulli", "mlp"),
        (bits((20, 8, 10)), "bernoulli", "mlp"),
        (bits((20, 3, 4, 2)), "bernoulli", "mlp"),
        (bits((20, 5)) * 2, "categorical", "mlp"),
        (bits((20, 5)) * 2.0, "gaussian", "mlp"),
        (bits((20, 5)) * 40, "gaussian", "mlp"),
        (bits((20, 5)) * -3, "gaussian", "mlp"),
    ],
)
def test_auto(X, likelihood, network):
    vae = fitted(X)
    assert (vae.likelihood_, vae.network_) == (likelihood, network)
    assert vae.sample(2).shape == (2, *X.shape[1:])


@pytest.mark.parametrize("size", [8, 10, 12, 14])
def test_any_even_lattice(size):
    X = bits((20, size, size))
    vae = fitted(X, network="table1")
    assert vae.decode(vae.transform(X)).mean.shape == X.shape


def test_paper_sizes():
    vae = fitted(bits((6, 32, 32)), batch_size=4, validation_fraction=0)
    shapes = {name: tuple(p.shape) for name, p in vae.modules_[0].named_parameters() if p.ndim > 1}
    encoder = [(64, 1, 4, 4), (128, 64, 4, 4), (1024, 8192), (2, 1024), (2, 1024)]
    decoder = [(1024, 2), (8192, 1024), (128, 64, 4, 4), (64, 1, 4, 4)]
    assert sorted(shapes.values()) == sorted([*encoder, *decoder])


class Encoder(nn.Module):
    def __init__(self):
        super().__init__()
        self.mean, self.scale = nn.Linear(6, 2), nn.Linear(6, 2)

    def forward(self, x):
        return self.mean(x.flatten(1)), self.scale(x.flatten(1)).exp()


def pair():
    return Encoder(), nn.Sequential(nn.Linear(2, 6), nn.Unflatten(1, (1, 6)))


def test_pair_of_modules(tmp_path):
    X = np.random.default_rng(0).normal(size=(50, 6))
    vae = fitted(X, network=pair(), n_replicas=2)
    assert vae.network_ == "custom"
    assert not np.array_equal(vae.encode(X).mean[0], vae.encode(X).mean[1])
    vae.save(tmp_path / "m")
    with pytest.raises(ValueError, match="network="):
        BetaVAE.load(tmp_path / "m")
    np.testing.assert_array_equal(BetaVAE.load(tmp_path / "m", network=pair()).transform(X), vae.transform(X))


class Alone(Encoder):
    def forward(self, x):
        return super().forward(x)[0]


class Signed(Encoder):
    def forward(self, x):
        mean, scale = super().forward(x)
        return mean, -scale


@pytest.mark.parametrize(
    ("network", "message"),
    [
        ((Alone(), pair()[1]), r"encoder must turn .* into \(mean, scale\), \(sample, latent\) = \(2, 2\) each"),
        ((Signed(), pair()[1]), "scale must be positive"),
        ((nn.Linear(5, 2), pair()[1]), r"encoder must turn \(2, 1, 6\) into"),
        ((Encoder(), nn.Linear(3, 6)), r"decoder must turn .* into \(sample, channel, site...\) = \(2, 1, 6\), but"),
        ((Encoder(), nn.Linear(2, 7)), r"decoder must turn .* = \(2, 1, 6\)"),
    ],
)
def test_a_pair_of_modules_that_does_not_fit_is_named_before_the_training(network, message, monkeypatch):
    monkeypatch.setattr("zeeman.vae.estimator.train", lambda *_, **__: pytest.fail("trained"))
    with pytest.raises(ValueError, match=message):
        fitted(np.random.default_rng(0).normal(size=(50, 6)), network=network)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"beta": "1"}, "beta must be a finite non-negative number, got '1'"),
        ({"beta": True}, "beta must be"),
        ({"learning_rate": None}, "learning_rate must be a finite positive number, got None"),
        ({"validation_fraction": "0.1"}, "validation_fraction must be"),
        ({"tempered": "no"}, "tempered must be True or False, got 'no'"),
        ({"tempered": 1}, "tempered must be True or False, got 1"),
        ({"n_epochs": 2.5}, "n_epochs must be an integer, got 2.5"),
    ],
)
def test_a_parameter_of_another_type_is_named(options, message):
    with pytest.raises(TypeError, match=message):
        fitted(bits((20, 4)), **options)


def test_a_name_of_a_file_is_no_data():
    with pytest.raises(TypeError, match=r"got the text 'digits.npy'.*zm\.data\.load"):
        fitted("digits.npy")


@pytest.mark.parametrize("width", ["wide", True])
def test_a_width_that_is_no_number_is_named(width):
    with pytest.raises(TypeError, match="width must be a finite positive number"):
        LatentSpectrum(3, width=width).fit(np.eye(20))


@pytest.mark.parametrize(
    ("options", "X", "message"),
    [
        ({"likelihood": "poisson"}, bits((20, 4)), "'poisson'"),
        ({"likelihood": "bernoulli"}, bits((20, 4)) * 2, "holds 2 at index .*gaussian"),
        ({"likelihood": "categorical"}, bits((20, 4)) - 1, "holds -1 at index .*recode"),
        ({"likelihood": "categorical"}, bits((20, 4)) / 2, "holds 0.5 at index"),
        ({"network": "table1"}, bits((20, 64)), "even L >= 8.*reshape"),
        ({"network": "table2"}, bits((20, 8, 8)), "tempered=True"),
        ({"network": "table1", "tempered": True}, bits((20, 8, 8)), "table2"),
        ({"network": "resnet"}, bits((20, 4)), "resnet"),
        ({"schedule": "cosin"}, bits((20, 4)), "did you mean 'cosine'"),
        ({"beta": -1.0}, bits((20, 4)), "beta .* -1.0"),
        ({"beta": float("nan")}, bits((20, 4)), "beta"),
        ({"validation_fraction": 1.0}, bits((20, 4)), "validation_fraction"),
        ({"n_epochs": 0}, bits((20, 4)), "n_epochs"),
        ({"batch_size": 1}, bits((20, 4)), "batch_size"),
        ({"engine": "warp"}, bits((20, 4)), "engine"),
        ({"precision": "float8"}, bits((20, 4)), "precision"),
        ({"device": "abacus"}, bits((20, 4)), "device"),
        ({}, np.full((20, 4), np.nan), "NaN at row 0"),
        ({}, np.array([[1.0, np.inf], [2.0, 0.0]]), "infinity at row 0, column 1"),
        ({}, np.array([[1.0, 1e300], [2.0, 0.0]]), "1e.300 at index .*rescale"),
        ({}, np.ones((20, 4)), "no variation"),
        ({}, np.ones((1, 4)), "1 sample"),
        ({}, np.ones((0, 4)), "0 sample"),
        ({}, np.ones(4), "1D array"),
    ],
)
def test_refusals_write_nothing(options, X, message, tmp_path):
    with pytest.raises(ValueError, match=message):
        BetaVAE(**{**FIXED, **options}).fit(X, checkpoint=tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_wrong_shapes_and_values_after_fit():
    X = 2 * bits((20, 8, 8)) - 1
    vae = fitted(X)
    with pytest.raises(ValueError, match=r"expecting 64 features.*shape \(8, 8\)"):
        vae.transform(X[:, :4])
    with pytest.raises(ValueError, match=r"holds 0 at index .*fitted to values -1 and 1"):
        vae.transform(bits((20, 8, 8)))
    with pytest.raises(ValueError, match=r"shape \(sample, 2\)"):
        vae.decode(np.zeros((3, 4)))
    with pytest.raises(ValueError, match="NaN at row 1"):
        vae.decode(np.array([[0.0, 0.0], [np.nan, 0.0]]))
    assert vae.transform(X[:1]).shape == (1, 2)


def test_no_held_out_samples():
    X = bits((30, 5))
    vae = fitted(X, validation_fraction=0)
    assert vae.elbo_[0] == pytest.approx(vae.score(X), rel=1e-6)


def test_no_variation_in_one_column_is_fine():
    X = np.c_[bits((30, 5)), np.zeros(30, int)]
    assert fitted(X).transform(X).shape == (30, 2)


def test_columns_of_text_are_named():
    import pandas as pd

    X = pd.DataFrame({"a": [0.1, 0.2, 0.3], "kind": ["x", "y", "z"], "digit": pd.Categorical([1, 2, 1])})
    with pytest.raises(ValueError, match="do not hold numbers: kind;"):
        BetaVAE(n_epochs=1).fit(X)
    assert fitted(X.drop(columns="kind")).transform(X.drop(columns="kind")).shape == (3, 2)


def test_save_and_load(tmp_path):
    import pandas as pd

    X = pd.DataFrame(np.random.default_rng(0).normal(size=(50, 3)), columns=["a", "b", "c"])
    vae = fitted(X, n_replicas=2)
    vae.save(tmp_path / "model")
    back = BetaVAE.load(tmp_path / "model")
    np.testing.assert_array_equal(back.encode(X).mean, vae.encode(X).mean)
    np.testing.assert_array_equal(back.sample(4), vae.sample(4))
    assert back.score(X) == vae.score(X)
    assert back.get_params()["n_epochs"] == 1
    assert list(back.feature_names_in_) == ["a", "b", "c"]
    for name in ("likelihood_", "likelihood_reason_", "network_", "engine_", "best_replica_", "n_features_in_"):
        assert getattr(back, name) == getattr(vae, name)
    for name, values in vae.history_.items():
        np.testing.assert_array_equal(back.history_[name], values)
    assert {p.name for p in (tmp_path / "model").iterdir()} == {"settings.json", "weights.safetensors"}
    vae.save(tmp_path / "model")  # over itself
    assert {p.name for p in tmp_path.iterdir()} == {"model"}


def test_files_that_are_not_models(tmp_path):
    X = bits((20, 4))
    vae = fitted(X)
    with pytest.raises(FileNotFoundError, match="holds no model"):
        BetaVAE.load(tmp_path / "nothing")
    vae.save(tmp_path / "m")
    weights, settings = tmp_path / "m" / "weights.safetensors", tmp_path / "m" / "settings.json"
    whole, text = weights.read_bytes(), settings.read_text()
    weights.write_bytes(whole[:-100])
    with pytest.raises(ValueError, match="truncated"):
        BetaVAE.load(tmp_path / "m")
    weights.write_bytes(b"\x80\x04pickle")
    with pytest.raises(ValueError, match="not readable"):
        BetaVAE.load(tmp_path / "m")
    weights.write_bytes(whole)
    settings.write_text(text[:100])
    with pytest.raises(ValueError, match="truncated"):
        BetaVAE.load(tmp_path / "m")
    settings.write_text("{}")
    with pytest.raises(ValueError, match="does not describe a model"):
        BetaVAE.load(tmp_path / "m")
    changed = json.loads(text)
    changed["parameters"]["latent_dim"] = 7
    settings.write_text(json.dumps(changed))
    with pytest.raises(ValueError, match="do not belong together"):
        BetaVAE.load(tmp_path / "m")
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "mine.txt").write_text("precious")
    with pytest.raises(ValueError, match="holds no model"):
        vae.save(tmp_path / "data")
    assert (tmp_path / "data" / "mine.txt").read_text() == "precious"


def test_nothing_global_changes():
    torch.manual_seed(5)
    before = torch.get_rng_state(), np.random.get_state()[1].copy(), torch.get_num_threads()  # noqa: NPY002
    fitted(bits((40, 8, 8)), n_threads=3, network="auto").sample(3)
    assert torch.equal(before[0], torch.get_rng_state())
    np.testing.assert_array_equal(before[1], np.random.get_state()[1])  # noqa: NPY002
    assert before[2] == torch.get_num_threads()
    assert (torch.full((1,), 1e-310, dtype=torch.float64) * 1.0).item() > 0  # subnormals are not flushed outside


def test_same_seed_same_numbers_other_seed_others():
    X = bits((40, 6))
    a, b, c = fitted(X), fitted(X), fitted(X, random_state=1)
    np.testing.assert_array_equal(a.transform(X), b.transform(X))
    assert not np.array_equal(a.transform(X), c.transform(X))


def test_what_cannot_be_trained_is_named():
    X = np.random.default_rng(0).standard_normal((60, 4))
    with pytest.raises(ValueError, match=r"diverged in epoch 1.*learning_rate"):
        BetaVAE(n_epochs=1, random_state=0).fit(X * 1e25)
    with pytest.raises(ValueError, match="100001 states"):
        BetaVAE(likelihood="categorical").fit(np.array([[0, 100_000], [1, 2], [3, 4]]))
    with pytest.raises(ValueError, match=r"device must be 'cpu', 'cuda', .* got 'abacus'; use device='cpu' or 'auto'"):
        BetaVAE(device="abacus").fit(X)
    for device in ["meta"] + ["cuda"] * (not torch.cuda.is_available()):
        with pytest.raises(ValueError, match=rf"device '{device}' is not to be had here .*use device='cpu' or 'auto'"):
            BetaVAE(device=device).fit(X)
    with pytest.raises(TypeError, match=r"device must be a torch device such as 'cpu' or 'cuda', got 1\.5"):
        BetaVAE(device=1.5).fit(X)


def test_gaussian_draws_are_not_forced_into_the_integers_of_the_data():
    X = np.random.default_rng(0).integers(0, 40, (64, 3)).astype(np.uint8)
    vae = BetaVAE(n_epochs=1, likelihood="gaussian", random_state=0, verbose=False).fit(X)
    drawn = vae.sample(200)
    assert drawn.dtype.kind == "f"
    assert drawn.min() < 0 < drawn.max() < 60


@pytest.mark.parametrize("shape", [(1, 1), (3, 6)])
def test_a_decoder_of_another_shape_is_refused_not_broadcast(shape):
    X = np.random.default_rng(0).normal(size=(50, 6))
    wrong = nn.Sequential(nn.Linear(2, shape[0] * shape[1]), nn.Unflatten(1, shape))
    with pytest.raises(ValueError, match=r"decoder must turn .* = \(2, 1, 6\), got"):
        fitted(X, network=(Encoder(), wrong))


def test_states_with_a_minus_are_read_from_unsigned_numbers():
    vae = fitted(np.random.default_rng(0).integers(-1, 2, size=(60, 6)).astype(np.int8))
    up = np.ones((4, 6), dtype=np.uint8)
    np.testing.assert_array_equal(vae.transform(up), vae.transform(up.astype(np.int8)))
