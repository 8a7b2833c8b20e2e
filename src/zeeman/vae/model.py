"""A latent model: encoder q(z|x) = N(mean, scale^2), decoder z -> fields, likelihood p(x | fields).

The module in training is the same object: its forward pass returns the terms of the loss.
"""

from __future__ import annotations

import copy
import math
from typing import Any

import torch
from torch import Tensor, nn

from zeeman.base.checks import check_choice
from zeeman.base.random import torch_seeded
from zeeman.vae.likelihoods import Likelihood
from zeeman.vae.metric import laplace_scale
from zeeman.vae.networks import PADDINGS, MLPDecoder, MLPEncoder, TableDecoder, TableEncoder
from zeeman.vae.objectives import EvidenceBound, Objective
from zeeman.vae.spectral import LowLevels

__all__ = ["NETWORKS", "LatentModel", "build_models", "check_padding", "check_pair", "resolve_network"]

NETWORKS = ("table1", "table2", "mlp")
_FOLLOWING = 0.3  # of the decoder's rate


class LatentModel(nn.Module):
    """One replica.

    Attributes
    ----------
    encoder : Module
        (sample, channel, site...) to mean and scale, (sample, latent) each.
    decoder : Module
        (sample, latent) to (sample, channel, site...); `likelihood.fields` reads the fields from it.
    likelihood : Likelihood
    beta : float
        Weight of the KL term (or of the objective's other term) in `forward`.
    objective : Objective
    regulariser : LowLevels, optional
        Added to the loss; sees the encoder's means.
    held : Tensor, (), or None
        1 while the encoder stays as it is and only the decoder learns, 0 when it follows; None if both learn alike.

    Examples
    --------
    An ordinary torch module, in any training loop; the noise is an argument, and x are states of the likelihood:

    >>> from zeeman.vae import BernoulliLikelihood
    >>> likelihood = BernoulliLikelihood()
    >>> model = LatentModel(MLPEncoder(1, (6,), 2), MLPDecoder(2, (6,), likelihood.n_outputs), likelihood)
    >>> x = torch.randint(0, 2, (32, 6))
    >>> loss, reconstruction, kl = model(x, torch.randn(32, 2))
    >>> loss.backward()
    >>> mean, scale = model.posterior(x)
    >>> model.log_prob(mean, x).shape  # nats
    torch.Size([32])
    """

    held: Tensor | None

    def __init__(
        self,
        encoder: nn.Module,
        decoder: nn.Module,
        likelihood: Likelihood,
        beta: float = 1.0,
        objective: Objective | None = None,
        regulariser: LowLevels | None = None,
    ) -> None:
        super().__init__()
        self.encoder, self.decoder = encoder, decoder
        self.likelihood, self.beta = likelihood, beta
        self.objective, self.regulariser = objective or EvidenceBound(), regulariser
        self.register_buffer("held", None)

    @property
    def term_names(self) -> tuple[str, ...]:
        """Names of what `forward` returns, the loss first."""
        return self.objective.term_names + ("spectral",) * (self.regulariser is not None)

    def forward(self, x: Tensor, noise: Tensor) -> Tensor:
        """Return the terms of the objective, such as loss, reconstruction and kl of eq. 4, and of the regulariser."""
        mean, scale = self.encoder(self.likelihood.features(x))
        terms = self.objective.terms(self, x, mean, scale, noise)
        if self.regulariser is None:
            return terms
        levels = self.regulariser(mean)
        return torch.cat([terms[:1] + self.regulariser.weight * levels, terms[1:], levels[None]])

    def posterior(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return mean and scale of q(z|x) for states x (sample, site...).

        A deterministic encoder's scale is that of the decoder's posterior there (`zeeman.vae.metric`).
        """
        mean, scale = self.encoder(self.likelihood.features(x))
        return mean, scale if self.objective.has_widths else laplace_scale(self, mean)

    def hold(self) -> None:
        """Keep the encoder as it is until `held` is set to zero."""
        self.held = torch.ones(())

    @property
    def pace(self) -> dict[str, float]:
        """Factor of the learning rate of every part: an encoder that has started well is held, then follows slowly."""
        if self.held is None:
            return {}
        return {"encoder": 0.0 if bool(self.held) else _FOLLOWING}

    def fields(self, z: Tensor) -> Tensor:
        """Return the effective local fields at z, in float32."""
        return self.likelihood.fields(self.decoder(z).float())

    def log_prob(self, z: Tensor, x: Tensor) -> Tensor:
        """Return ln p(x|z), (sample,), nats."""
        return self.likelihood.log_prob(self.fields(z), x)

    @torch.no_grad()
    def rotate(self, Q: Tensor) -> None:
        """Turn the latent frame, z -> Q z, in encoder means and decoder together: p(x | Q mean) stays what it was.

        For the networks of this package, whose decoders begin with a linear layer.
        """
        encoder: Any = self.encoder
        decoder: Any = self.decoder
        head, first = encoder.head.mean, decoder.layers[0]
        head.weight.copy_(Q @ head.weight)
        head.bias.copy_(Q @ head.bias)
        first.weight.copy_(first.weight @ Q.mT)


def resolve_network(network: object, shape: tuple[int, ...], tempered: bool) -> str:
    """Return the name of the network for sites of this shape; "custom" for a pair of modules."""
    lattice = len(shape) == 2 and shape[0] == shape[1] and shape[0] >= 8 and shape[0] % 2 == 0
    table = "table2" if tempered else "table1"
    if isinstance(network, (tuple, list)):
        if len(network) != 2 or not all(isinstance(part, nn.Module) for part in network):
            raise TypeError(f"network must be a pair (encoder, decoder) of torch modules, got {network!r}")
        return "custom"
    check_choice(network, ("auto", *NETWORKS), "network")
    if network == "auto":
        return table if lattice else "mlp"
    if network in ("table1", "table2"):
        if not lattice:
            raise ValueError(
                f"network={network!r} needs data of shape (sample, L, L) with even L >= 8, got a datum with sites "
                f"{shape}; reshape the data, or use network='mlp' or 'auto'"
            )
        if network != table:
            raise ValueError(
                f"network={network!r} with tempered={tempered}: Table II is Table I with the second branch of a "
                f"tempered likelihood; use network={table!r} or tempered={not tempered}"
            )
    return str(network)


def check_padding(padding: str, network: str) -> None:
    """Raise ValueError for an unknown padding, or one that the network has no use for."""
    check_choice(padding, PADDINGS, "padding")
    if padding != "zeros" and network not in ("table1", "table2"):
        own = "build it into your own modules" if network == "custom" else "use network='table1', or padding='zeros'"
        raise ValueError(f"padding={padding!r} is for the convolutions of table1 and table2, not {network!r}: {own}")


@torch.no_grad()
def check_pair(model: LatentModel, x: Tensor, latent_dim: int) -> None:
    """Try a custom pair of modules on states x (sample, site...); ValueError says what each must return and did not."""
    trial, code = copy.deepcopy(model).eval(), (len(x), latent_dim)
    features = trial.likelihood.features(x)
    must = f"network: the encoder must turn {tuple(features.shape)} into (mean, scale), (sample, latent) = {code} each"
    try:
        mean, scale = trial.encoder(features)
        shapes = tuple(mean.shape), tuple(scale.shape)
    except Exception as error:  # modules of the user's own fail in any way
        raise ValueError(f"{must}, but {type(error).__name__}: {error}") from error
    if shapes != (code, code):
        raise ValueError(f"{must}, got {shapes[0]} and {shapes[1]}")
    if not bool((scale > 0).all()):
        raise ValueError("network: the encoder's scale must be positive; end it with softplus or exp")
    wanted = (len(x), trial.likelihood.n_outputs, *trial.likelihood.site_shape(tuple(x.shape[1:])))
    must = f"network: the decoder must turn (sample, latent) = {code} into (sample, channel, site...) = {wanted}"
    try:
        parts: Any = trial.decoder  # before the likelihood's own head, if it has one
        own = parts if trial.likelihood.head(tuple(x.shape[1:])) is None else parts[0]
        shape = tuple(own(mean).shape)
        judged = tuple(trial.log_prob(mean, x).shape) if shape == wanted else ()
    except Exception as error:
        raise ValueError(f"{must}, but {type(error).__name__}: {error}") from error
    if judged != code[:1]:
        raise ValueError(f"{must}, got {shape}")


def build_models(
    network: str | tuple[nn.Module, nn.Module],
    likelihood: Likelihood,
    shape: tuple[int, ...],
    latent_dim: int,
    beta: float,
    n_replicas: int,
    seed: int,
    objective: Objective | None = None,
    regulariser: LowLevels | None = None,
    padding: str = "zeros",
) -> list[LatentModel]:
    """Return replicas with weights from the streams "weights"; replica r's do not depend on how many there are.

    `shape` is that of a datum.
    """
    sites = likelihood.site_shape(shape)
    models = []
    for r in range(n_replicas):
        with torch_seeded(seed, "weights", r):
            encoder, decoder = _pair(network, likelihood, sites, latent_dim, padding)
        models.append(LatentModel(encoder, decoder, likelihood, beta, objective, regulariser))
    return models


def _pair(
    network: str | tuple[nn.Module, nn.Module],
    likelihood: Likelihood,
    shape: tuple[int, ...],
    latent_dim: int,
    padding: Any,
) -> tuple[nn.Module, nn.Module]:
    n_in, n_out, head = likelihood.n_inputs, likelihood.n_outputs, likelihood.head(shape)
    if not isinstance(network, str):
        encoder, decoder = _fresh(network[0]), _fresh(network[1])
        return encoder, decoder if head is None else nn.Sequential(decoder, head)
    encoder, decoder = (
        (MLPEncoder(n_in, shape, latent_dim), MLPDecoder(latent_dim, shape, n_out))
        if network == "mlp"
        else (TableEncoder(n_in, shape[0], latent_dim, padding), TableDecoder(latent_dim, shape[0], n_out, padding))
    )
    if head is not None:
        decoder.layers.append(head)
    return encoder, decoder


def _fresh(module: nn.Module) -> nn.Module:
    """Return a copy with new weights wherever a layer knows how to draw them."""
    module = copy.deepcopy(module)
    for layer in module.modules():
        draw_again = getattr(layer, "reset_parameters", None)
        if callable(draw_again):
            draw_again()
    return module


def count_weights(module: nn.Module) -> int:
    """Return the number of trainable weights."""
    return sum(math.prod(p.shape) for p in module.parameters() if p.requires_grad)
