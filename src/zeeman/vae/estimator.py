"""The beta-VAE as a scikit-learn estimator: X in, a latent space of R replicas out.

Symbols: x a datum, z its latent code, q(z|x) = N(mean, scale^2), p(x|z) a likelihood in local fields h_k(z), beta the
weight of the KL term. Axes: (replica, sample, site... | latent).
"""

from __future__ import annotations

import math
import os
from typing import Any

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, ClassNamePrefixFeaturesOutMixin, TransformerMixin
from sklearn.utils.validation import check_is_fitted
from torch import Tensor
from torch.distributions import Distribution

from zeeman.base.checks import check_choice, check_positive_integer
from zeeman.base.progress import Progress
from zeeman.base.random import entropy_of, stream, torch_stream
from zeeman.base.store import content_hash
from zeeman.base.types import Codes, Seed
from zeeman.training import Checkpoint, Plan, Trained, evaluating, resolve_device, schedule, train
from zeeman.vae.axes import turn_axes
from zeeman.vae.inputs import check_codes, check_data
from zeeman.vae.likelihoods import resolve
from zeeman.vae.model import LatentModel, build_models, count_weights, resolve_network
from zeeman.vae.objectives import TERMS, elbo, importance_log_likelihood
from zeeman.vae.saving import load_model, save_model
from zeeman.vae.start import STARTS, start_at_principal_components

__all__ = ["BetaVAE"]

_PORTION = 512  # samples evaluated at once


class BetaVAE(ClassNamePrefixFeaturesOutMixin, TransformerMixin, BaseEstimator):
    """Variational autoencoder with a weighted KL term, many replicas at once.

    Minimises -E_q ln p(x|z) (summed over sites) + beta KL[q(z|x) || N(0, 1)] (summed over latents), averaged over
    samples (paper 002, eq. 4), by Adam with betas (0.5, 0.999). Between epochs the latent frame is turned
    to where a diagonal posterior fits best (`zeeman.vae.axes`): the same loss, its flattest direction taken at once.

    Parameters
    ----------
    latent_dim : int
        Number of latents.
    likelihood : str
        "bernoulli" (values {0, 1} or {-1, 1}), "categorical" (integers 0..q-1), "gaussian" (unit variance, data not
        standardised), or "auto": by the values of X, see `likelihood_reason_`.
    beta : float
        Weight of the KL term. With a sum over sites the useful scale grows with their number.
    tempered : bool
        Add a branch beta_k in (0, 1), one a site, that multiplies the fields (the beta^2-VAE, Table II).
    network : str or pair of Module
        "table1", "table2" (paper 002; data (sample, L, L), even L >= 8), "mlp", a pair (encoder, decoder), or "auto".
        An encoder maps (sample, channel, site...) to mean and scale; a decoder maps (sample, latent) to
        (sample, channel, site...). A pair is copied for every replica and its layers draw new weights.
    n_replicas : int
        Independent trainings that differ in weights, data order and noise; replica r does not depend on their number.
    n_epochs, batch_size : int
        Passes over the training data, and samples a step.
    validation_fraction : float
        Part of X held out to score the replicas, the same for all; 0 scores on the training data.
    random_state : int, RandomState, Generator or None
        Seed of the streams.
    learning_rate : float
        Adam's rate at the top of the schedule.
    start : {"random", "pca"}
        "pca" starts the encoder at the principal components in a random frame (`zeeman.vae.start`).
    schedule : str
        "constant", "cosine", "constant-cosine" or "warmup-cosine".
    device : str
        "auto" (CUDA if there is one), or a torch device.
    n_threads : int, optional
        Torch threads while training; by default timed at the start.
    precision, engine : str
        "float32" or "bfloat16" (autocast in training only); "apart", "threads" or "stacked"; "auto": timed.
    verbose : bool
        Show progress, terms and time left.

    Attributes
    ----------
    likelihood_, likelihood_reason_, network_ : str
        What was used, and why this likelihood.
    engine_ : dict
        Engine, threads, precision and the timings (milliseconds a step) behind the choice.
    history_ : dict of ndarray
        "epoch" (epoch,); "loss", "reconstruction", "kl" (means over the epoch's steps) and "validation_elbo" (at
        beta = 1, after the epoch), each (epoch, replica), nats a sample.
    elbo_ : ndarray, (replica,)
        Held-out ELBO at beta = 1 after training, nats a sample.
    best_replica_ : int
        The replica with the best `elbo_`: that of `transform`, `decode`, `sample`, `local_fields`, `score`.
    modules_ : list of Module
        One a replica, in evaluation mode: `.encoder`, `.decoder` (z to channels) and `.likelihood`.
    sample_shape_ : tuple of int
        Shape of one datum; `n_features_in_` is its size.
    interrupted_, n_parameters_ : bool, int
        Whether Ctrl-C ended the training early; weights of one replica.

    Examples
    --------
    >>> X = np.random.default_rng(0).integers(0, 2, (64, 6))
    >>> vae = BetaVAE(n_epochs=2, random_state=0).fit(X)
    >>> vae.likelihood_, vae.transform(X).shape
    ('bernoulli', (64, 2))
    """

    def __init__(
        self,
        latent_dim: int = 2,
        likelihood: str = "auto",
        beta: float = 1.0,
        tempered: bool = False,
        network: Any = "auto",
        n_replicas: int = 1,
        n_epochs: int = 10,
        batch_size: int = 128,
        validation_fraction: float = 0.1,
        random_state: Seed = None,
        *,
        learning_rate: float = 1e-3,
        start: str = "random",
        schedule: str = "cosine",
        device: str = "auto",
        n_threads: int | None = None,
        precision: str = "auto",
        engine: str = "auto",
        verbose: bool = False,
    ) -> None:
        self.latent_dim = latent_dim
        self.likelihood = likelihood
        self.beta = beta
        self.tempered = tempered
        self.network = network
        self.n_replicas = n_replicas
        self.n_epochs = n_epochs
        self.batch_size = batch_size
        self.validation_fraction = validation_fraction
        self.random_state = random_state
        self.learning_rate = learning_rate
        self.start = start
        self.schedule = schedule
        self.device = device
        self.n_threads = n_threads
        self.precision = precision
        self.engine = engine
        self.verbose = verbose

    def fit(self, X: ArrayLike, y: Any = None, *, checkpoint: str | os.PathLike[str] | None = None) -> BetaVAE:
        """Train all replicas.

        Parameters
        ----------
        X : array-like, (sample, ...)
        y : ignored
        checkpoint : path, optional
            Folder. The training is stored there at least every epoch; the same call after a kill continues it and
            ends with the numbers it would have had.

        Raises
        ------
        ValueError
            For bad parameters or data, or a checkpoint of another training; before anything is written.
        """
        self._check_parameters()
        X = check_data(self, X, fitting=True)
        device = resolve_device(self.device)
        likelihood, reason = resolve(X, self.likelihood, bool(self.tempered))
        network = resolve_network(self.network, X.shape[1:], bool(self.tempered))
        states = likelihood.states(X)
        seed = self._seed(checkpoint)
        models = build_models(
            network if network != "custom" else tuple(self.network),
            likelihood, X.shape[1:], self.latent_dim, float(self.beta), self.n_replicas, seed,
        )  # fmt: skip
        self.likelihood_, self.likelihood_reason_, self.network_ = likelihood.name, reason, network
        self.sample_shape_, self.seed_ = X.shape[1:], seed
        self._dtype, self._likelihood = X.dtype.str, likelihood
        settings = {
            "data": content_hash(X), "latent_dim": self.latent_dim, "beta": float(self.beta), "network": network,
            "likelihood": likelihood.settings(), "validation_fraction": float(self.validation_fraction),
            "start": self.start,
        }  # fmt: skip
        models = [model.to(device) for model in models]
        self._finish(models, self._train(models, states.to(device), seed, checkpoint, settings))
        return self

    def encode(self, X: ArrayLike) -> Codes:
        """Return posterior means and standard deviations under every replica, (replica, sample, latent) each."""
        states = self._states(X)
        with evaluating(self.engine_["threads"]):
            pairs = [[model.posterior(x) for x in states.split(_PORTION)] for model in self.modules_]
            mean, scale = (torch.stack([torch.cat([pair[i] for pair in row]) for row in pairs]) for i in (0, 1))
        return Codes(mean.float().cpu().numpy(), scale.float().cpu().numpy())

    def transform(self, X: ArrayLike) -> NDArray[np.float32]:
        """Return posterior means of the best replica, (sample, latent)."""
        states = self._states(X)
        with evaluating(self.engine_["threads"]):
            means = [self._best.posterior(x)[0] for x in states.split(_PORTION)]
        return torch.cat(means).float().cpu().numpy()

    def decode(self, Z: ArrayLike) -> Distribution:
        """Return p(x|z) of the best replica: batch (sample,), event one datum.

        `.mean` is in the units of the likelihood: Bernoulli, probabilities of the higher value in [0, 1]; categorical,
        expected state numbers (`.base_dist.probs` has the probabilities); Gaussian, means.
        """
        fields = self._fields(Z)
        return self._likelihood.distribution(fields)

    def local_fields(self, Z: ArrayLike) -> NDArray[np.float32]:
        """Return local fields of the best replica at Z (paper 002, eq. 10, 13, 17), (sample, site...).

        Bernoulli: h_k with P(high) = sigmoid(h_k); categorical: (sample, site..., state); Gaussian: the mean. A
        tempered model returns the effective field beta_k h_k.
        """
        return self._fields(Z).numpy()

    def local_inverse_temperatures(self, Z: ArrayLike) -> NDArray[np.float32]:
        """Return beta_k in (0, 1) of a tempered model, (sample, site...); 1 for a plain one."""
        return self._from_output(Z, "inverse_temperatures").numpy()

    def sample(self, n_samples: int = 1, random_state: Seed = None) -> NDArray:
        """Draw data from p(x) = E_{z ~ N(0,1)} p(x|z) of the best replica, (sample, ...) in the coding and type of X.

        Parameters
        ----------
        n_samples : int
        random_state : int, generator or None
            None: a stream of the model's own seed, the same draws at every call.
        """
        check_is_fitted(self)
        check_positive_integer(n_samples, "n_samples")
        seed = self.seed_ if random_state is None else entropy_of(random_state)
        z = torch.randn(n_samples, self.latent_dim, generator=torch_stream(seed, "sample/z"))
        generator = torch_stream(seed, "sample/x")
        states = [self._likelihood.draw(self._fields(part.numpy()), generator) for part in z.split(_PORTION)]
        return self._likelihood.values(torch.cat(states)).numpy().astype(self._dtype)

    def score(self, X: ArrayLike, y: Any = None) -> float:
        """Return the mean ELBO of the best replica at beta = 1, nats a sample (one draw of z each, fixed stream)."""
        states = self._states(X)
        with evaluating(self.engine_["threads"]):
            return self._mean_elbo(self._best, states)

    def log_likelihood(self, X: ArrayLike, n_importance: int = 500) -> NDArray[np.float64]:
        """Return ln p(x) under every replica by importance sampling from q(z|x), (replica, sample), nats.

        A lower bound on average, tighter with more draws; costs `n_importance` passes of the decoder a sample.
        """
        check_positive_integer(n_importance, "n_importance")
        states = self._states(X)
        portion = max(1, 4 * _PORTION // n_importance)
        result = np.empty((len(self.modules_), len(states)))
        portions = math.ceil(len(states) / portion)
        with (
            evaluating(self.engine_["threads"]),
            Progress(result.shape[0] * portions, "log-likelihood", enabled=self.verbose) as progress,
        ):
            for r, model in enumerate(self.modules_):
                generator = torch_stream(self.seed_, "importance", r)
                for start in range(0, len(states), portion):
                    x = states[start : start + portion]
                    noise = torch.randn(n_importance, len(x), self.latent_dim, generator=generator).to(x.device)
                    result[r, start : start + portion] = importance_log_likelihood(model, x, noise).cpu().numpy()
                    progress.advance()
        return result

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the fitted model as a folder: weights in safetensors, settings in JSON; whole or not at all."""
        check_is_fitted(self)
        save_model(self, path)

    @classmethod
    def load(cls, path: str | os.PathLike[str], *, network: Any = None, device: str = "auto") -> BetaVAE:
        """Read what `save` wrote; nothing in it is executed.

        Parameters
        ----------
        path : path
        network : pair of Module, optional
            The pair a model with a custom network was made with: code is not stored.
        device : str

        Raises
        ------
        FileNotFoundError, ValueError
            If the folder is missing, truncated or not a model.
        """
        return load_model(cls, path, network, device)

    @property
    def _n_features_out(self) -> int:
        return self.latent_dim

    @property
    def _best(self) -> LatentModel:
        return self.modules_[self.best_replica_]

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.transformer_tags.preserves_dtype = ["float32"]  # networks compute in float32 whatever comes in
        return tags

    def _check_parameters(self) -> None:
        for name in ("latent_dim", "n_replicas", "n_epochs"):
            check_positive_integer(getattr(self, name), name)
        check_positive_integer(self.batch_size, "batch_size", minimum=2)
        if not 0 <= self.validation_fraction < 1:
            raise ValueError(f"validation_fraction must be in [0, 1), got {self.validation_fraction!r}")
        for name, least in (("beta", "non-negative"), ("learning_rate", "positive")):
            value = getattr(self, name)
            if not math.isfinite(value) or value < 0 or (value == 0 and least == "positive"):
                raise ValueError(f"{name} must be a finite {least} number, got {value!r}")
        schedule(self.schedule)
        check_choice(self.start, STARTS, "start")
        if self.start == "pca" and not isinstance(self.network, str):
            raise ValueError("start='pca' needs a named network; with modules of your own use start='random'")

    def _seed(self, checkpoint: str | os.PathLike[str] | None) -> int:
        """Seed of the streams; without one given, that of the training to be continued."""
        if self.random_state is None and checkpoint is not None:
            stored = Checkpoint.seed(checkpoint)
            if stored is not None:
                return stored
        return entropy_of(self.random_state)

    def _train(
        self, models: list[LatentModel], states: Tensor, seed: int, checkpoint: Any, settings: dict[str, Any]
    ) -> Trained:
        held_out, rest = self._split(len(states), seed)
        if self.start == "pca":
            for r, model in enumerate(models):
                start_at_principal_components(model, states[rest], seed, r)
        judged = states[held_out] if len(held_out) else states
        plan = Plan(
            noise_shape=(self.latent_dim,), term_names=TERMS, n_epochs=self.n_epochs, batch_size=self.batch_size,
            learning_rate=self.learning_rate, schedule=self.schedule, seed=seed,
            engine=self.engine, n_threads=self.n_threads, precision=self.precision,
        )  # fmt: skip
        steps = self.n_epochs * max(1, len(rest) // self.batch_size)
        with Progress(steps, "training", enabled=self.verbose) as progress:
            return train(
                models, states[rest], plan, validate=lambda model: self._mean_elbo(model, judged),  # type: ignore[arg-type]
                after_epoch=self._after_epoch(judged), checkpoint=checkpoint, settings=settings, progress=progress,
            )  # fmt: skip

    def _after_epoch(self, states: Tensor) -> Any:
        """After an epoch, turn the axes to where the diagonal posterior fits best (needs heads that are known)."""
        if self.network_ == "custom" or self.latent_dim == 1:
            return None
        return lambda model: turn_axes(model, states[:_PORTION])

    def _split(self, n: int, seed: int) -> tuple[Tensor, Tensor]:
        """Held-out and training rows: at least two of the latter."""
        order = torch.from_numpy(stream(seed, "split").permutation(n))
        n_held_out = min(round(self.validation_fraction * n), n - 2)
        return order[:n_held_out].sort().values, order[n_held_out:].sort().values

    def _finish(self, models: list[LatentModel], trained: Trained) -> None:
        history = trained.history
        self.modules_ = [model.eval() for model in models]
        self.history_ = {
            "epoch": np.arange(1, len(history["loss"]) + 1),
            **{name: history[name] for name in TERMS},
            "validation_elbo": history["validation"],
        }
        self.elbo_ = history["validation"][-1]
        self.best_replica_ = int(np.argmax(np.nan_to_num(self.elbo_, nan=-np.inf)))
        self.engine_ = trained.engine.to_dict()
        self.interrupted_ = trained.interrupted
        self.n_parameters_ = count_weights(models[0])

    def _states(self, X: ArrayLike) -> Tensor:
        check_is_fitted(self)
        return self._likelihood.states(check_data(self, X, fitting=False)).to(next(self._best.parameters()).device)

    def _fields(self, Z: ArrayLike) -> Tensor:
        return self._from_output(Z, "fields")

    def _from_output(self, Z: ArrayLike, what: str) -> Tensor:
        """Return what the likelihood reads from the best decoder's output at Z, on the CPU."""
        check_is_fitted(self)
        read = getattr(self._likelihood, what)
        z = torch.from_numpy(check_codes(Z, self.latent_dim)).to(next(self._best.parameters()).device)
        with evaluating(self.engine_["threads"]):
            return torch.cat([read(self._best.decoder(part).float()) for part in z.split(_PORTION)]).cpu()

    def _mean_elbo(self, model: LatentModel, states: Tensor) -> float:
        noise = torch.randn(len(states), self.latent_dim, generator=torch_stream(self.seed_, "score")).to(states.device)
        parts = zip(states.split(_PORTION), noise.split(_PORTION), strict=True)
        total = sum(elbo(model, x, draws).sum().item() for x, draws in parts)
        return total / len(states)
