"""Learned latent models: a datum to a Gaussian code and back, with a likelihood in local fields."""

from zeeman.vae.directions import Angles, VonMisesFisher
from zeeman.vae.estimator import BetaVAE
from zeeman.vae.likelihoods import (
    BernoulliLikelihood,
    CategoricalLikelihood,
    GaussianLikelihood,
    Likelihood,
    NegativeBinomialLikelihood,
    VonMisesFisherLikelihood,
    VonMisesLikelihood,
)
from zeeman.vae.model import LatentModel
from zeeman.vae.networks import MLPDecoder, MLPEncoder, TableDecoder, TableEncoder
from zeeman.vae.objectives import (
    EvidenceBound,
    ImportanceWeighted,
    Objective,
    PlainReconstruction,
    WassersteinMMD,
    elbo,
    gaussian_kl,
    importance_log_likelihood,
)
from zeeman.vae.spectral import LowLevels

__all__ = [
    "Angles",
    "BernoulliLikelihood",
    "BetaVAE",
    "CategoricalLikelihood",
    "EvidenceBound",
    "GaussianLikelihood",
    "ImportanceWeighted",
    "LatentModel",
    "Likelihood",
    "LowLevels",
    "MLPDecoder",
    "MLPEncoder",
    "NegativeBinomialLikelihood",
    "Objective",
    "PlainReconstruction",
    "TableDecoder",
    "TableEncoder",
    "VonMisesFisher",
    "VonMisesFisherLikelihood",
    "VonMisesLikelihood",
    "WassersteinMMD",
    "elbo",
    "gaussian_kl",
    "importance_log_likelihood",
]
