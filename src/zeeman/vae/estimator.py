"""The beta-VAE as a scikit-learn estimator: X in, a latent space of R replicas out.

Symbols: x a datum, z its latent code, q(z|x) = N(mean, scale^2), p(x|z) a likelihood in local fields h_k(z), beta the
weight of the KL term. Axes: (replica, sample, site... | latent).
"""

from __future__ import annotations

import os
import warnings
from typing import Any

import numpy as np
import torch
from numpy.typing import ArrayLike
from sklearn.utils.validation import check_is_fitted
from torch import Tensor

from zeeman.base.checks import check_choice, check_flag, check_number, check_positive_integer
from zeeman.base.logs import Logger
from zeeman.base.progress import Progress
from zeeman.base.random import entropy_of, stream
from zeeman.base.store import content_hash
from zeeman.base.types import Seed
from zeeman.training import Checkpoint, Plan, Trained, resolve_device, schedule, train
from zeeman.vae.axes import turn_axes
from zeeman.vae.inputs import attributes_of, check_data
from zeeman.vae.likelihoods import NegativeBinomialLikelihood, resolve
from zeeman.vae.model import LatentModel, build_models, check_padding, check_pair, count_weights, resolve_network
from zeeman.vae.objectives import Objective, resolve_objective
from zeeman.vae.saving import load_model, save_model
from zeeman.vae.spectral import LowLevels
from zeeman.vae.start import STARTS, start_at_principal_components
from zeeman.vae.trained import TrainedVAE
from zeeman.vae.vectors import fill_a_turn
from zeeman.vae.watching import Callback, named, watching

__all__ = ["BetaVAE"]


class BetaVAE(TrainedVAE):
    """Variational autoencoder with a weighted KL term, many replicas at once.

    Minimises -E_q ln p(x|z) (summed over sites) + beta KL[q(z|x) || N(0, 1)] (summed over latents), averaged over
    samples (paper 002, eq. 4), by Adam with betas (0.5, 0.999). Between epochs the latent frame is turned
    to where a diagonal posterior fits best (`zeeman.vae.axes`): the same loss, its flattest direction taken at once.
    Other autoencoders come through the same door by `objective`; only "elbo" prefers axes, so only there they turn.

    Parameters
    ----------
    latent_dim : int
        Number of latents.
    likelihood : str or NegativeBinomialLikelihood
        "bernoulli" (values {0, 1} or {-1, 1}), "categorical" (integers 0..q-1, or spins -1, 0, 1), "gaussian" (unit
        variance, data not standardised), "von_mises" (angles in [0, 2 pi)), "von_mises_fisher" (unit vectors, three
        components on the last axis), "negative-binomial" (counts; rates scale with each sample's total:
        `zeeman.vae.counts`), or "auto": by the attributes or the values of X, see `likelihood_reason_`. Angles are
        known by the attributes that `zeeman.spins.sample` writes; in a bare array they are Gaussian, with a warning.
    beta : float
        Weight of the KL term. With a sum over sites the useful scale grows with their number. For objective="mmd" the
        weight of MMD^2; "plain" does not use it.
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
    frame : {"turned", "free"}
        "free" leaves the axes where the steps of Adam take them, as the papers do.
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
    objective : str or Objective
        "elbo"; "plain", a deterministic autoencoder; "mmd", a Wasserstein one; "iwae", the importance-weighted bound of
        5 draws, `zeeman.vae.ImportanceWeighted(k)` of k: see `zeeman.vae.objectives`. `score`, `elbo_` and
        `log_likelihood` are those of the model with prior N(0, 1) whatever was minimised.
    regulariser : LowLevels, optional
        `zeeman.vae.LowLevels(weight, n_states)` adds weight times the sum of the lowest energies of a batch's codes to
        the loss, which rewards `n_states` separated sets (`zeeman.vae.spectral`).
    padding : {"zeros", "circular"}
        Of the convolutions of table1 and table2: zeros beyond the border, as in the paper, or the other side of the
        torus, for periodic lattices.

    Attributes
    ----------
    likelihood_, likelihood_reason_, network_ : str
        What was used, and why this likelihood.
    engine_ : dict
        Engine, threads, precision and the timings (milliseconds a step) behind the choice.
    history_ : dict of ndarray
        "epoch" (epoch,); "loss", "reconstruction", "kl" or "mmd", "spectral" (as the objective has them; means over the
        epoch's steps) and "validation_elbo" (at beta = 1, after the epoch), each (epoch, replica), nats a sample.
    elbo_ : ndarray, (replica,)
        Held-out ELBO at beta = 1 after training, nats a sample.
    best_replica_ : int
        The replica with the best `elbo_` (after objective="plain": with the best held-out ln p(x|mean)): that of
        `transform`, `decode`, `sample`, `local_fields`, `score`.
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
        likelihood: str | NegativeBinomialLikelihood = "auto",
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
        frame: str = "turned",
        schedule: str = "cosine",
        device: str = "auto",
        n_threads: int | None = None,
        precision: str = "auto",
        engine: str = "auto",
        verbose: bool = False,
        objective: str | Objective = "elbo",
        regulariser: LowLevels | None = None,
        padding: str = "zeros",
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
        self.frame = frame
        self.schedule = schedule
        self.device = device
        self.n_threads = n_threads
        self.precision = precision
        self.engine = engine
        self.verbose = verbose
        self.objective = objective
        self.regulariser = regulariser
        self.padding = padding

    def fit(
        self,
        X: ArrayLike,
        y: Any = None,
        *,
        checkpoint: str | os.PathLike[str] | None = None,
        callback: Callback | None = None,
        logger: Logger | None = None,
    ) -> BetaVAE:
        """Train all replicas.

        Parameters
        ----------
        X : array-like, (sample, ...)
            Or an xarray.Dataset of `zeeman.spins`, whose ``configuration`` is taken.
        y : ignored
        checkpoint : path, optional
            Folder. The training is stored there at least every epoch; the same call after a kill continues it and
            ends with the numbers it would have had. With a checkpoint Ctrl-C stores it and raises KeyboardInterrupt;
            without one the training ends there and the model is what it is (`interrupted_`).
        callback : callable, optional
            Called as callback(epoch, models) with 0 before the first step and 1, 2, ... after every epoch: the present
            models, one a replica, in evaluation mode, to be looked at and not changed. A continued training calls it
            for the epochs that were left.
        logger : Logger, optional
            ``log(epoch, values)`` after every epoch: what `history_` gets, name -> one number a replica; closed at the
            end (`zeeman.base.logs`: JSON lines, TensorBoard, or anything with these two methods).

        Raises
        ------
        ValueError
            For bad parameters or data, or a checkpoint of another training; before anything is written.
        """
        self.check_parameters()
        attributes = attributes_of(X)
        X = check_data(self, X, fitting=True)
        device = resolve_device(self.device)
        likelihood, reason = resolve(X, self.likelihood, bool(self.tempered), attributes)
        if self.likelihood == "auto" and likelihood.name == "gaussian" and fill_a_turn(X):
            _warn_of_angles()
        network = resolve_network(self.network, likelihood.site_shape(X.shape[1:]), bool(self.tempered))
        check_padding(self.padding, network)
        states = likelihood.states(X).to(device)
        seed = self._seed(checkpoint)
        objective = resolve_objective(self.objective)
        models = build_models(
            network if network != "custom" else tuple(self.network),
            likelihood, X.shape[1:], self.latent_dim, float(self.beta), self.n_replicas, seed,
            objective, self.regulariser, self.padding,
        )  # fmt: skip
        self.likelihood_, self.likelihood_reason_, self.network_ = likelihood.name, reason, network
        self.sample_shape_, self.seed_ = X.shape[1:], seed
        self._dtype, self._likelihood = X.dtype.str, likelihood
        settings = {
            "data": content_hash(X), "latent_dim": self.latent_dim, "beta": float(self.beta), "network": network,
            "likelihood": likelihood.settings(), "validation_fraction": float(self.validation_fraction),
            "start": self.start, "frame": self.frame, "objective": objective.settings(),
            "regulariser": None if self.regulariser is None else self.regulariser.settings(),
            **({"padding": self.padding} if self.padding != "zeros" else {}),
        }  # fmt: skip
        if network == "custom":
            check_pair(models[0], states[:2].cpu(), self.latent_dim)
        models = [model.to(device) for model in models]
        held_out, rest = self._split(len(states), seed)
        judged = states[held_out] if len(held_out) else states
        trained = self._train(models, states[rest], judged, checkpoint, settings, callback, logger)
        if trained.interrupted and checkpoint is not None:
            raise KeyboardInterrupt(f"training stored in {checkpoint}; the same call continues it")
        self._finish(models, trained, judged)
        return self

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the fitted model as a folder: weights in safetensors, settings in JSON; whole or not at all."""
        check_is_fitted(self)
        save_model(self, path)

    @classmethod
    def load(
        cls,
        path: str | os.PathLike[str],
        *,
        network: Any = None,
        objective: Objective | None = None,
        device: str = "auto",
    ) -> BetaVAE:
        """Read what `save` wrote; nothing in it is executed.

        Parameters
        ----------
        path : path
        network : pair of Module, optional
            The pair a model with a custom network was made with: code is not stored.
        objective : Objective, optional
            The one a model with an objective of your own was made with.
        device : str

        Raises
        ------
        FileNotFoundError, ValueError
            If the folder is missing, truncated or not a model.
        """
        return load_model(cls, path, network, objective, device)

    def check_parameters(self) -> None:
        """ValueError or TypeError if these parameters cannot be used, whatever the data."""
        for name in ("latent_dim", "n_replicas", "n_epochs"):
            check_positive_integer(getattr(self, name), name)
        check_positive_integer(self.batch_size, "batch_size", minimum=2)
        if check_number(self.validation_fraction, "validation_fraction") >= 1:
            raise ValueError(f"validation_fraction must be in [0, 1), got {self.validation_fraction!r}")
        check_number(self.beta, "beta")
        check_number(self.learning_rate, "learning_rate", positive=True)
        check_flag(self.tempered, "tempered")
        schedule(self.schedule)
        check_choice(self.start, STARTS, "start")
        check_choice(self.frame, ("turned", "free"), "frame")
        if self.start == "pca" and not isinstance(self.network, str):
            raise ValueError("start='pca' needs a named network; with modules of your own use start='random'")
        resolve_objective(self.objective)
        if self.regulariser is not None and not isinstance(self.regulariser, LowLevels):
            raise TypeError(
                f"regulariser must be None or a LowLevels, got {self.regulariser!r}; zeeman.vae.LowLevels(weight=1.0)"
            )

    def _seed(self, checkpoint: str | os.PathLike[str] | None) -> int:
        """Seed of the streams; without one given, that of the training to be continued."""
        if self.random_state is None and checkpoint is not None:
            stored = Checkpoint.seed(checkpoint)
            if stored is not None:
                return stored
        return entropy_of(self.random_state)

    def _train(
        self,
        models: list[LatentModel],
        states: Tensor,
        judged: Tensor,
        checkpoint: Any,
        settings: dict[str, Any],
        callback: Callback | None,
        logger: Logger | None,
    ) -> Trained:
        if self.start == "pca":
            for r, model in enumerate(models):
                start_at_principal_components(model, states, self.seed_, r)
                if self.n_epochs > 1:
                    model.hold()
        watch = None if callback is None else watching(callback, models, checkpoint)
        plan = Plan(
            noise_shape=models[0].objective.noise_shape(self.latent_dim), term_names=models[0].term_names,
            n_epochs=self.n_epochs, batch_size=self.batch_size, learning_rate=self.learning_rate,
            schedule=self.schedule, seed=self.seed_, engine=self.engine, n_threads=self.n_threads,
            precision=self.precision,
        )  # fmt: skip
        steps = self.n_epochs * max(1, len(states) // self.batch_size)
        with Progress(steps, "training", enabled=self.verbose) as progress, named(logger) as log:
            return train(
                models, states, plan, validate=lambda model: self._mean_elbo(model, judged),  # type: ignore[arg-type]
                after_epoch=self._after_epoch(models, judged), watch=watch, checkpoint=checkpoint,
                settings=settings, progress=progress, log=log,
            )  # fmt: skip

    def _after_epoch(self, models: list[LatentModel], states: Tensor) -> Any:
        """Now and then let the encoder go, and turn the axes to where the diagonal posterior fits best."""
        known = self.network_ != "custom" and self.latent_dim > 1  # where the heads are
        turn = self.frame == "turned" and models[0].objective.fixes_frame and known

        def after(model: LatentModel) -> None:
            if model.held is not None:
                model.held.zero_()
            if turn:
                turn_axes(model, states)

        return after if turn or self.start == "pca" else None

    def _split(self, n: int, seed: int) -> tuple[Tensor, Tensor]:
        """Held-out and training rows: at least two of the latter."""
        order = torch.from_numpy(stream(seed, "split").permutation(n))
        n_held_out = min(round(self.validation_fraction * n), n - 2)
        return order[:n_held_out].sort().values, order[n_held_out:].sort().values

    def _finish(self, models: list[LatentModel], trained: Trained, judged: Tensor) -> None:
        history = trained.history
        self.modules_ = [model.eval() for model in models]
        for model in models:
            model.held = None  # a state of the training, not of the model
        self.engine_ = trained.engine.to_dict()
        self.history_ = {
            "epoch": np.arange(1, len(history["loss"]) + 1),
            **{name: history[name] for name in models[0].term_names},
            "validation_elbo": history["validation"],
        }
        self.elbo_ = history["validation"][-1]
        merit = self.elbo_
        if not models[0].objective.has_prior:
            merit = np.array([self._mean_reconstruction(model, judged) for model in models])
        self.best_replica_ = int(np.argmax(np.nan_to_num(merit, nan=-np.inf)))
        self.interrupted_ = trained.interrupted
        self.n_parameters_ = count_weights(models[0])


def _warn_of_angles() -> None:
    warnings.warn(
        "X holds real numbers that fill [0, 2 pi), and likelihood='auto' takes them for numbers of unit variance. If "
        "they are angles, give likelihood='von_mises', or X as the data set that zm.spins.sample made; if not, "
        "likelihood='gaussian'",
        UserWarning,
        stacklevel=3,
    )
