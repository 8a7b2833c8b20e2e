"""BetaVAE of angles, vectors and spins -1, 0, 1: choices, shapes, refusals by name, files, pages, pictures, padding."""

import math
import re

import numpy as np
import pytest
import torch
import xarray as xr
from matplotlib.figure import Figure
from sklearn.base import clone
from sklearn.decomposition import PCA

import zeeman as zm
from zeeman import plots
from zeeman.data import write_dataset
from zeeman.plots.drawn import drawn
from zeeman.plots.lattices import decoded_plane, drawable, vector_colours
from zeeman.report import Absent, export_decoder
from zeeman.studies.explorable import page_decoders, samples_in_means
from zeeman.studies.options import Options
from zeeman.studies.prepared import prepare
from zeeman.studies.readings import as_seen
from zeeman.studies.readings import decoded_plane as plane_of
from zeeman.vae import BetaVAE, CategoricalLikelihood, TableDecoder, TableEncoder
from zeeman.vae.likelihoods import States, resolve

FIXED = {"n_threads": 1, "engine": "apart", "precision": "float32", "random_state": 0}
TURN = 2 * np.pi


def angles(n=48, size=8, noise=0.5, seed=0):
    """Planar spins about one direction a sample, and these directions."""
    rng = np.random.default_rng(seed)
    common = rng.uniform(0, TURN, n)
    X = (common[:, None, None] + noise * rng.standard_normal((n, size, size))) % TURN
    return np.minimum(X, 6.2831).astype(np.float32), common


def vectors(n=48, size=8, seed=0):
    rng = np.random.default_rng(seed)
    u = 2 * rng.standard_normal((n, 1, 1, 3)) + rng.standard_normal((n, size, size, 3))
    return (u / np.linalg.norm(u, axis=-1, keepdims=True)).astype(np.float32)


def spins(n=48, size=8, seed=0):
    rng = np.random.default_rng(seed)
    up = rng.choice([-1, 1], (n, 1, 1)) * np.ones((size, size))
    return np.where(rng.random((n, size, size)) < 0.3, 0, up).astype(np.int8)


DATA = {
    "von_mises": (angles()[0], (2,), ()),
    "von_mises_fisher": (vectors(), (3,), (3,)),
    "categorical": (spins(), (3,), ()),
}


def fitted(X, **options):
    return BetaVAE(**{"n_epochs": 1, "batch_size": 16, **FIXED, **options}).fit(X)


@pytest.mark.parametrize("likelihood", sorted(DATA))
@pytest.mark.parametrize(("tempered", "network"), [(False, "auto"), (True, "auto"), (True, "mlp"), (False, "mlp")])
def test_shapes_and_files(tmp_path, likelihood, tempered, network):
    X, components, ends = DATA[likelihood]
    vae = fitted(X, likelihood=likelihood, tempered=tempered, network=network, n_replicas=2)
    assert (vae.likelihood_, vae.sample_shape_) == (likelihood, X.shape[1:])
    assert vae.network_ == ("mlp" if network == "mlp" else "table2" if tempered else "table1")
    Z = vae.transform(X)
    p = vae.decode(Z)
    assert p.batch_shape == (48,)
    assert p.event_shape == X.shape[1:]
    assert p.mean.shape == (48, 8, 8, *ends)
    assert p.log_prob(torch.from_numpy(X).float()).shape == (48,)
    assert vae.local_fields(Z).shape == (48, 8, 8, *components)
    warmth = vae.local_inverse_temperatures(Z)
    assert warmth.shape == (48, 8, 8)
    assert ((warmth > 0) & (warmth < 1)).all() if tempered else (warmth == 1).all()
    x = vae.sample(5)
    assert x.shape == (5, *X.shape[1:])
    assert x.dtype == X.dtype
    vae._likelihood.states(x)  # inside the support
    assert math.isfinite(vae.score(X))
    assert vae.log_likelihood(X[:3], n_importance=4).shape == (2, 3)
    vae.save(tmp_path / "model")
    again = BetaVAE.load(tmp_path / "model")
    np.testing.assert_array_equal(again.transform(X), Z)
    np.testing.assert_array_equal(again.sample(3), vae.sample(3))
    assert again.score(X) == vae.score(X)


@pytest.mark.parametrize("likelihood", sorted(DATA))
def test_importance_sampling_is_above_the_elbo(likelihood):
    X = DATA[likelihood][0]
    vae = fitted(X, likelihood=likelihood, n_epochs=3, network="mlp")
    assert vae.log_likelihood(X, n_importance=30).mean() > vae.score(X)


@pytest.mark.parametrize("likelihood", sorted(DATA))
@pytest.mark.parametrize("start", ["random", "pca"])
def test_engines_agree(likelihood, start):
    X = DATA[likelihood][0]
    options = {**FIXED, "likelihood": likelihood, "network": "mlp", "n_replicas": 2, "n_epochs": 2, "start": start}
    apart, stacked = (BetaVAE(**{**options, "engine": engine}).fit(X).encode(X) for engine in ("apart", "stacked"))
    np.testing.assert_allclose(apart.mean, stacked.mean, atol=2e-4)


@pytest.mark.parametrize("objective", ["iwae", "mmd", "plain"])
def test_other_objectives(objective):
    codes = fitted(DATA["von_mises"][0], likelihood="von_mises", network="mlp", objective=objective).encode(
        DATA["von_mises"][0]
    )
    assert (codes.scale > 0).all()


def test_a_circle():
    """Codes of planar spins lie on a circle and turn with the magnetisation, as those of PCA on (cos, sin) do."""
    X, _ = angles(n=900, size=6, noise=0.4)
    m = np.exp(1j * X).mean(axis=(1, 2))
    vae = BetaVAE(likelihood="von_mises", network="mlp", n_epochs=12, learning_rate=3e-3, beta=2.0, **FIXED).fit(X)
    scores = PCA(2, random_state=0).fit_transform(np.stack([np.cos(X), np.sin(X)], -1).reshape(900, -1))
    for Z in (vae.transform(X), scores):
        code = (Z - Z.mean(0)) @ [1, 1j]
        turned = code / np.abs(code)
        agreement = max(abs((turned * np.conj(m) / abs(m)).mean()), abs((turned * m / abs(m)).mean()))
        assert agreement > 0.95
        assert np.abs(code).std() / np.abs(code).mean() < 0.3
    # and the field that the decoder writes points where the spins do
    h = vae.local_fields(vae.transform(X)).mean(axis=(1, 2)) @ [1, 1j]
    assert abs((h / abs(h) * np.conj(m) / abs(m)).mean()) > 0.95


def test_bare_angles_are_not_taken_for_numbers_in_silence():
    X, _ = angles()
    with pytest.warns(UserWarning, match=r"fill \[0, 2 pi\).*likelihood='von_mises'.*zm\.spins\.sample"):
        assert fitted(X).likelihood_ == "gaussian"
    assert fitted(X, likelihood="gaussian").likelihood_reason_ == "gaussian: as asked"
    drawn = zm.spins.sample(zm.spins.XY(zm.spins.square(4)), 0.9, 40, method="metropolis", seed=1)
    for same in (drawn, drawn.configuration, drawn.isel(sample=slice(0, 30))):
        assert fitted(same).likelihood_ == "von_mises"


@pytest.mark.filterwarnings("ignore:X holds real numbers that fill")
def test_auto_goes_by_attributes_and_values():
    X, _ = angles()
    assert X.max() > TURN - 0.1
    named = xr.DataArray(X, dims=("sample", "x", "y"), attrs={"model": "XY"})
    assert fitted(named).likelihood_reason_ == "von_mises: X says that it comes from the model XY"
    whole = xr.Dataset({"configuration": named, "energy": ("sample", X[:, 0, 0])}, attrs={"model": "XY"})
    vae = fitted(whole)
    assert vae.likelihood_ == "von_mises"
    np.testing.assert_array_equal(vae.transform(whole), vae.transform(X))
    drawn_spins = zm.spins.sample(zm.spins.XY(zm.spins.square(4)), 0.5, 20, method="metropolis", seed=0).configuration
    assert fitted(drawn_spins).likelihood_ == "von_mises"  # the variable alone says it too
    cases = {
        "angles without a name": (X, {}, "gaussian: .*if they are angles, likelihood='von_mises'"),
        "cosines with a name": (np.cos(X), {"model": "XY"}, "gaussian: X holds real numbers$"),
        "a narrow range": (X / 7, {}, "gaussian: X holds real numbers$"),
        "unit vectors": (vectors(), {}, "von_mises_fisher: X holds unit vectors"),
        "named vectors": (vectors(), {"model": "Heisenberg"}, "von_mises_fisher: X says"),
        "a table of unit rows": (vectors()[:, 0, 0], {}, "gaussian"),
        "longer vectors": (1.1 * vectors(), {}, "gaussian"),
        "Blume-Capel": (spins(), {}, "categorical with 3 states, -1, 0, 1: X holds spins -1, 0, 1"),
        "Blume-Capel without holes": (np.sign(spins() + 0.5).astype(np.int8), {"model": "BlumeCapel"}, "categorical"),
        "Potts": (spins() + 1, {"model": "Potts", "n_states": 4}, "categorical with 4 states: X says"),
        "many clock states": (np.arange(96).reshape(2, 48), {"model": "Clock", "n_states": 96}, "categorical with 96"),
        "Ising": (np.sign(spins() + 0.5), {"model": "Ising"}, "bernoulli"),
        "integers without a 1": (np.minimum(spins(), 0), {}, "gaussian"),
        "integers from -1": (spins() * 2 + 1, {}, "gaussian"),
    }
    for what, (data, attributes, expected) in cases.items():
        _, line = resolve(data, "auto", False, attributes)
        assert re.match(expected, line), (what, line)


@pytest.mark.parametrize(
    ("likelihood", "X", "said"),
    [
        ("von_mises", angles()[0] - 3.0, r"X holds -.* at index .*\[0, 2 pi\) radians; use X % \(2 \* np.pi\)"),
        ("von_mises", angles()[0] * 57.3, "np.deg2rad"),
        ("von_mises", spins(), "clock states 0..q-1 are categorical"),
        ("von_mises_fisher", 1.01 * vectors(), r"length 1.01 at index \(0, 0, 0\).*divide by the lengths"),
        ("von_mises_fisher", vectors()[..., :2], r"X of shape \(sample, site..., 3\)"),
        ("von_mises_fisher", vectors()[:, 0, 0], "a single site"),
        ("categorical", spins() * 2 + 1, r"X holds -1 at index .* with states 0..3; recode the states as 0..q-1"),
        ("vonmises", angles()[0], "did you mean 'von_mises'"),
    ],
)
def test_bad_values_are_named(likelihood, X, said):
    with pytest.raises(ValueError, match=said):
        fitted(X, likelihood=likelihood)


def test_values_unseen_in_training_are_named():
    vae = fitted(spins(), network="mlp")
    with pytest.raises(ValueError, match=r"X holds 2 at index .* with states -1..1"):
        vae.transform(spins() + 1)
    vae = fitted(spins() + 1, network="mlp")
    with pytest.raises(ValueError, match=r"X holds -1 at index .* with states 0..2"):
        vae.transform(spins())
    with pytest.raises(ValueError, match="data set without a variable 'configuration', it has energy"):
        fitted(xr.Dataset({"energy": ("sample", np.zeros(4))}))


def test_an_angle_rounded_to_a_full_turn_is_none():
    X = np.array([[0.0, np.nextafter(TURN, 0)], [1.0, 2.0]])
    states = resolve(X, "von_mises", False)[0].states(X)
    assert states.dtype == torch.float32
    assert states[0, 1] == 0


def test_states_of_any_lowest_value_are_torchs_shifted():
    logits = torch.randn(4, 3, generator=torch.Generator().manual_seed(0))
    p, torchs = States(logits, low=-1), torch.distributions.Categorical(logits=logits)
    torch.manual_seed(0)
    x = p.sample((50,))
    torch.manual_seed(0)
    torch.testing.assert_close(x, torchs.sample((50,)) - 1)
    torch.testing.assert_close(p.log_prob(x), torchs.log_prob(x + 1))
    torch.testing.assert_close(p.entropy(), torchs.entropy())
    torch.testing.assert_close(p.mean, (torchs.probs * torch.tensor([-1.0, 0.0, 1.0])).sum(-1))
    torch.testing.assert_close(p.variance, (torchs.probs * torch.tensor([1.0, 0.0, 1.0])).sum(-1) - p.mean**2)
    torch.testing.assert_close(p.mode, torchs.mode - 1)
    assert p.enumerate_support(expand=False).flatten().tolist() == [-1, 0, 1]
    torch.testing.assert_close(p.expand((2, 4)).mean[1], p.mean)
    with pytest.raises(ValueError, match="within the support"):
        p.log_prob(torch.tensor(2))


def test_encoders_see_one_hot_states():
    likelihood = CategoricalLikelihood(n_states=3, low=-1)
    X = spins()
    seen = likelihood.features(likelihood.states(X)).numpy()
    assert seen.shape == (48, 3, 8, 8)
    for k, value in enumerate((-1, 0, 1)):
        np.testing.assert_array_equal(seen[:, k], value == X)


@pytest.mark.parametrize("likelihood", sorted(DATA))
def test_evidence(likelihood):
    """Quadrature and importance sampling agree; data drawn for the sandwich are data of this kind."""
    from zeeman.information import importance, quadrature, rate_distortion, sandwich

    X = DATA[likelihood][0]
    vae = fitted(X, likelihood=likelihood, network="mlp", n_epochs=8, learning_rate=3e-3)
    found = importance(vae, X[:4], n_draws=2000)
    exact = quadrature(vae, X[:4]).log_likelihood
    assert (np.abs(found.log_likelihood - exact) < 5 * found.error + 0.02).all()
    assert rate_distortion(vae, X[:4]).elbo.mean() < exact.mean()
    both = sandwich(vae, n_samples=2, n_chains=2, n_temperatures=4)
    assert both.X.shape == (1, 2, *X.shape[1:])
    vae._likelihood.states(both.X[0])
    assert np.isfinite(both.lower).all()


# --- padding ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [8, 16, 20])
def test_circular_convolutions_commute_with_translations(size):
    torch.manual_seed(0)
    x = torch.randn(3, 2, size, size)
    features = TableEncoder(2, size, 2, "circular").layers[:6].eval()
    moved = features(x.roll((4, 8), (2, 3)))
    torch.testing.assert_close(moved, features(x).roll((1, 2), (2, 3)), rtol=1e-4, atol=1e-5)
    cut = TableEncoder(2, size, 2).layers[:6].eval()
    assert not torch.allclose(cut(x.roll((4, 8), (2, 3))), cut(x).roll((1, 2), (2, 3)), atol=1e-3)
    decoder = TableDecoder(2, size, 2, "circular")
    tail = decoder.layers[7:].eval()
    hidden = torch.randn(3, 128, size // 4, size // 4)
    assert tail(hidden).shape == (3, 2, size, size)
    torch.testing.assert_close(
        tail(hidden.roll((1, 1), (2, 3))), tail(hidden).roll((4, 4), (2, 3)), rtol=1e-4, atol=1e-5
    )


def test_inside_the_lattice_both_paddings_are_the_same():
    torch.manual_seed(0)
    zeros, circular = TableDecoder(2, 16, 1), TableDecoder(2, 16, 1, "circular")
    names = list(circular.state_dict())
    circular.load_state_dict(dict(zip(names, zeros.state_dict().values(), strict=True)))
    z = torch.randn(2, 2)
    inner = (..., slice(4, 12), slice(4, 12))
    torch.testing.assert_close(zeros.eval()(z)[inner], circular.eval()(z)[inner], rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("size", [8, 10])
def test_padding_is_an_option_that_is_stored(tmp_path, size):
    X = spins(size=size)
    vae = fitted(X, padding="circular")
    vae.save(tmp_path / "model")
    again = BetaVAE.load(tmp_path / "model")
    assert again.padding == "circular"
    np.testing.assert_array_equal(again.transform(X), vae.transform(X))
    assert vae.n_parameters_ == fitted(X).n_parameters_
    assert clone(vae).padding == "circular"


def test_padding_is_refused_where_it_means_nothing():
    for options, said in (({"padding": "torus"}, "padding must be one of"), ({"padding": "circular"}, "not 'mlp'")):
        with pytest.raises(ValueError, match=said):
            fitted(spins(), network="mlp", **options)


# --- what reads a trained space --------------------------------------------------------------------------------------


def store(path, X, dims, model):
    write_dataset(xr.Dataset({"configuration": (("sample", *dims), X)}, attrs={"model": model}), path)
    return path


def test_a_store_tells_its_model(tmp_path):
    job = prepare(store(tmp_path / "xy.zarr", angles()[0], ("x", "y"), "XY"), Options())
    assert job.options.likelihood == "von_mises"
    assert job.likelihood == "von_mises: X says that it comes from the model XY"
    assert (job.options.beta, job.options.scale, job.large.network) == (6.25, "none", "auto")
    chain = prepare(store(tmp_path / "chain.zarr", angles()[0][:, 0], ("x",), "XY"), Options())
    assert chain.options.scale == "none"  # angles are not standardised
    job = prepare(store(tmp_path / "h.zarr", vectors(), ("x", "y", "component"), "Heisenberg"), Options())
    assert (job.options.likelihood, job.large.n_replicas) == ("von_mises_fisher", 1)  # Table I sees 8 x 8 sites
    job = prepare(store(tmp_path / "bc.zarr", spins(), ("x", "y"), "BlumeCapel"), Options())
    assert job.options.likelihood == "categorical"


def test_pages_show_spins_one_and_refuse_directions_by_name():
    X = spins()
    vae = fitted(X, network="mlp")
    (page,) = page_decoders([vae])
    assert page.reading["low"] == -1
    assert set(np.unique(samples_in_means(vae, X))) == {-1, 0, 1}
    vae = fitted(angles()[0], likelihood="von_mises", network="mlp")
    (absent,) = page_decoders([vae])
    assert samples_in_means(vae, angles()[0]) is None
    assert isinstance(absent, Absent)
    assert "not of von_mises" in absent.note


def test_a_circular_decoder_is_tabulated_for_a_page():
    vae = fitted(spins(), padding="circular")
    page = export_decoder(vae.modules_[0].decoder, latent_dim=2, output="expectation", low=-1)
    assert page.spec["layers"][0]["kind"] == "table"
    assert page.error < 0.05


def test_pictures_of_angles_and_vectors():
    X, u = angles()[0], vectors()
    figure = Figure()
    left, right = figure.subplots(1, 2)
    plots.lattice(X[0], left, values="angles")
    assert left.images[0].get_clim() == (0.0, TURN)
    plots.lattice(u[0], right, values="vectors")
    assert right.images[0].get_array().shape == (8, 8, 4)
    assert sum(1 for _ in drawn(figure)) == 128
    with pytest.raises(ValueError, match="values must be one of"):
        plots.lattice(X[0], left, values="hues")
    with pytest.raises(ValueError, match="two axes of sites"):
        plots.lattice(X[0], left, values="vectors")
    assert not drawable((8, 3), "vectors")


def test_colours_of_vectors():
    poles = vector_colours(np.array([[0, 0, 1], [0, 0, -1], [0, 0, 0], [1, 0, 0], [-1, 0, 0], [np.nan] * 3]))
    np.testing.assert_allclose(poles[:, :3][:4], [[1, 1, 1], [0, 0, 0], [0.5, 0.5, 0.5], [1, 0, 0]], atol=1e-12)
    np.testing.assert_allclose(poles[4], [0, 1, 1, 1], atol=1e-12)  # the opposite spin has the opposite colour
    assert poles[5, 3] == 0


@pytest.mark.parametrize("likelihood", ["von_mises", "von_mises_fisher"])
def test_decoded_planes_of_directions(likelihood):
    X = DATA[likelihood][0]
    vae = fitted(X, likelihood=likelihood, network="mlp")
    plane = plane_of(vae, vae.transform(X), points=5)
    assert (plane.means.shape, plane.values) == ((5, 5, 8, 8, 3), "vectors")
    assert (np.linalg.norm(plane.means, axis=-1) < 1).all()
    ax = Figure().add_subplot()
    decoded_plane(plane, ax, tiles=3)
    assert ax.images[0].get_array().shape[-1] == 4
    assert as_seen(vae, X).shape == (48, 8, 8, 2 if likelihood == "von_mises" else 3)
