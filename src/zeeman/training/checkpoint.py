"""A training that can be killed: one file with weights, moments, history and the place in the run.

The file is safetensors (numbers and a JSON header, nothing that executes), whole or absent. No generator state is
kept because none is needed: the order and the noise of an epoch are functions of (seed, replica, epoch).
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from zeeman.base.store import atomic_path

__all__ = ["Checkpoint", "read_tensors", "write_tensors"]

_NAME = "checkpoint.safetensors"
_FORMAT = "zeeman-training-2"


@dataclass(frozen=True)
class Checkpoint:
    """State of a training between two steps.

    Attributes
    ----------
    settings : dict
        What was asked for: must be the same when the run continues.
    place : dict
        Epoch and step next in line, and the engine with its timings.
    tensors : dict of Tensor
        Weights, buffers, moments, running sums and history.
    """

    settings: dict[str, Any]
    place: dict[str, Any]
    tensors: dict[str, Tensor]

    def write(self, folder: str | os.PathLike[str]) -> None:
        """Write the state into `folder`, whole or not at all."""
        write_tensors(
            Path(folder) / _NAME, self.tensors, {"format": _FORMAT, "settings": self.settings, "place": self.place}
        )

    @classmethod
    def read(cls, folder: str | os.PathLike[str]) -> Checkpoint | None:
        """Return the state in `folder`, None if there is none yet; ValueError if the file is not one of ours."""
        path = Path(folder) / _NAME
        if Path(folder).is_file():
            raise ValueError(f"checkpoint must be a folder, got the file {folder}")
        if not path.exists():
            return None
        tensors, header = read_tensors(path)
        if header.get("format") != _FORMAT:
            raise ValueError(f"{path} is not a training checkpoint of this version; remove it or choose another folder")
        return cls(header["settings"], header["place"], tensors)

    @classmethod
    def seed(cls, folder: str | os.PathLike[str]) -> int | None:
        """Return the seed of the training in `folder`, None if there is none yet."""
        found = cls.read(folder)
        return None if found is None else int(found.settings["seed"])

    def check(self, settings: Mapping[str, Any], folder: str | os.PathLike[str]) -> None:
        """Raise ValueError naming the settings in which this checkpoint differs from `settings`."""
        wanted = json.loads(json.dumps(settings))
        names = [name for name in {**self.settings, **wanted} if self.settings.get(name) != wanted.get(name)]
        if names:
            differences = "; ".join(
                f"{name}: there {self.settings.get(name)!r}, here {wanted.get(name)!r}" for name in names
            )
            raise ValueError(
                f"the checkpoint in {folder} belongs to another training ({differences}); "
                "repeat that call, or choose another folder"
            )


def sweep(folder: str | os.PathLike[str]) -> None:
    """Remove what a writer killed in mid-write left beside the checkpoint."""
    for leftover in Path(folder).glob(f".{Path(_NAME).stem}.*.part.safetensors"):
        leftover.unlink(missing_ok=True)


def write_tensors(path: str | os.PathLike[str], tensors: Mapping[str, Tensor], header: Mapping[str, Any]) -> None:
    """Write tensors and a JSON header as one safetensors file, whole or not at all."""
    plain = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
    with atomic_path(path) as beside:
        save_file(plain, beside, metadata={"zeeman": json.dumps(dict(header))})


def read_tensors(path: str | os.PathLike[str]) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Read what `write_tensors` wrote; ValueError names a file that is truncated or foreign."""
    try:
        with safe_open(os.fspath(path), framework="pt") as file:
            header = json.loads((file.metadata() or {}).get("zeeman", "{}"))
            return {name: file.get_tensor(name) for name in file.keys()}, header  # noqa: SIM118 (not a mapping)
    except (SafetensorError, json.JSONDecodeError, UnicodeDecodeError, ValueError) as error:
        raise ValueError(
            f"{path} is not readable as safetensors ({error}); it may be truncated: restore or remove it"
        ) from error


def flatten(replicas: list[dict[str, Tensor]], kind: str) -> dict[str, Tensor]:
    """Name tensors of many replicas in one table: `replica/kind/name`."""
    return {f"{r}/{kind}/{name}": tensor for r, table in enumerate(replicas) for name, tensor in table.items()}


def unflatten(tensors: Mapping[str, Tensor], kind: str, n_replicas: int) -> list[dict[str, Tensor]]:
    """Undo `flatten`."""
    tables: list[dict[str, torch.Tensor]] = [{} for _ in range(n_replicas)]
    for name, tensor in tensors.items():
        replica, its_kind, rest = name.split("/", 2) if name.count("/") >= 2 else ("", "", "")
        if its_kind == kind:
            tables[int(replica)][rest] = tensor
    return tables
