"""A fitted beta-VAE on disk: a folder with `settings.json` and `weights.safetensors`. Nothing in it is executed."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from zeeman.base.store import atomic_path, provenance, read_json, write_json
from zeeman.training import read_tensors, resolve_device, write_tensors
from zeeman.vae.likelihoods import from_settings
from zeeman.vae.model import build_models, count_weights
from zeeman.vae.objectives import OBJECTIVES, Objective, resolve_objective
from zeeman.vae.spectral import LowLevels

if TYPE_CHECKING:
    from zeeman.vae.estimator import BetaVAE

__all__ = ["load_model", "save_model"]

_FORMAT = "zeeman-beta-vae-1"
_PLAIN = (
    "likelihood_reason_", "network_", "engine_", "best_replica_", "n_features_in_", "interrupted_", "seed_",
)  # fmt: skip


def save_model(vae: BetaVAE, path: str | os.PathLike[str]) -> None:
    """Write `vae` to the folder `path`, whole or not at all; a model that was there is replaced."""
    target = Path(path)
    if target.exists() and not (target / "settings.json").exists() and (target.is_file() or any(target.iterdir())):
        raise ValueError(f"{path} exists and holds no model; remove it or choose another path")
    parameters = vae.get_params()
    if vae.network_ == "custom":
        parameters["network"] = "custom"
    parameters["random_state"] = vae.seed_
    for name in ("likelihood", "objective", "regulariser"):
        if hasattr(parameters[name], "settings"):
            parameters[name] = parameters[name].settings()
    settings = {
        "format": _FORMAT,
        "parameters": parameters,
        "likelihood": vae._likelihood.settings(),
        "sample_shape": vae.sample_shape_,
        "dtype": vae._dtype,
        "fitted": {name: getattr(vae, name) for name in _PLAIN},
        "feature_names": list(vae.feature_names_in_) if hasattr(vae, "feature_names_in_") else None,
        "history": vae.history_,
        "elbo": vae.elbo_,
        "provenance": provenance(),
    }
    tensors = {f"{r}/{name}": t for r, module in enumerate(vae.modules_) for name, t in module.state_dict().items()}
    with atomic_path(path) as beside:
        beside.mkdir()
        write_tensors(beside / "weights.safetensors", tensors, {"format": _FORMAT})
        write_json(beside / "settings.json", settings)


def load_model(
    kind: type[BetaVAE], path: str | os.PathLike[str], network: Any, objective: Objective | None, device: str
) -> BetaVAE:
    """Read the model in the folder `path`."""
    folder = Path(path)
    for name in ("settings.json", "weights.safetensors"):
        if not (folder / name).is_file():
            raise FileNotFoundError(f"{path} holds no model: {name} is missing; give the folder that save() wrote")
    settings = read_json(folder / "settings.json")
    if not isinstance(settings, dict) or settings.get("format") != _FORMAT:
        raise ValueError(f"{folder / 'settings.json'} does not describe a model of this version; save it again")
    tensors, _ = read_tensors(folder / "weights.safetensors")
    try:
        return _rebuild(kind, settings, tensors, network, objective, device)
    except (KeyError, TypeError, RuntimeError) as error:
        raise ValueError(f"settings and weights in {path} do not belong together or are damaged ({error})") from error


def _rebuild(
    kind: type[BetaVAE],
    settings: dict[str, Any],
    tensors: dict[str, torch.Tensor],
    network: Any,
    objective: Objective | None,
    device: str,
) -> BetaVAE:
    parameters = settings["parameters"]
    if parameters["network"] == "custom":
        if network is None:
            raise ValueError(
                "this model has a network of its own, whose code is not stored; load(path, network=(encoder, decoder))"
            )
        parameters["network"] = network
    if isinstance(stored := parameters.get("objective"), dict):
        if stored["name"] not in OBJECTIVES and getattr(objective, "name", None) != stored["name"]:
            raise ValueError(
                f"this model has an objective of its own, {stored['name']!r}, whose code is not stored; "
                "load(path, objective=that objective)"
            )
        parameters["objective"] = resolve_objective(stored) if stored["name"] in OBJECTIVES else objective
    if isinstance(parameters["likelihood"], dict):
        parameters["likelihood"] = from_settings(parameters["likelihood"])
    if parameters.get("regulariser") is not None:
        parameters["regulariser"] = LowLevels(**parameters["regulariser"])
    vae = kind(**parameters)
    for name in _PLAIN:
        setattr(vae, name, settings["fitted"][name])
    vae._likelihood, vae._dtype = from_settings(settings["likelihood"]), settings["dtype"]
    vae.likelihood_ = vae._likelihood.name
    vae.sample_shape_ = tuple(settings["sample_shape"])
    if settings["feature_names"] is not None:
        vae.feature_names_in_ = np.array(settings["feature_names"], dtype=object)
    history = settings["history"]
    vae.history_ = {
        name: np.asarray(rows, dtype=np.int64 if name == "epoch" else np.float64) for name, rows in history.items()
    }
    vae.elbo_ = np.asarray(settings["elbo"], dtype=np.float64)
    models = build_models(
        tuple(network) if vae.network_ == "custom" else vae.network_,
        vae._likelihood, vae.sample_shape_, vae.latent_dim, float(vae.beta), vae.n_replicas, vae.seed_,
        resolve_objective(vae.objective), vae.regulariser, vae.padding,
    )  # fmt: skip
    for r, model in enumerate(models):
        prefix = f"{r}/"
        model.load_state_dict({name[len(prefix) :]: t for name, t in tensors.items() if name.startswith(prefix)})
    vae.modules_ = [model.to(resolve_device(device)).eval() for model in models]
    vae.n_parameters_ = count_weights(models[0])
    return vae
