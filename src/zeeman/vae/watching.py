"""Those who look on while a beta-VAE trains: loggers by the names of `history_`, callbacks after every epoch."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import Any, TypeAlias

import torch

from zeeman.base.logs import Logger, Values
from zeeman.training import Checkpoint
from zeeman.vae.model import LatentModel

__all__ = ["Callback", "named", "watching"]

Callback: TypeAlias = Callable[[int, list[LatentModel]], object]


@contextlib.contextmanager
def named(logger: Logger | None) -> Iterator[Callable[[int, Values], None] | None]:
    """Log under the names of `history_`, and close at the end."""
    if logger is None:
        yield None
        return
    names = {"validation": "validation_elbo"}
    try:
        yield lambda epoch, values: logger.log(epoch, {names.get(name, name): row for name, row in values.items()})
    finally:
        logger.close()


def watching(callback: Callback, models: list[LatentModel], checkpoint: Any) -> Callable[[int], None]:
    """Show the models now, unless this training was begun before, and when asked after an epoch."""

    def watch(epoch: int) -> None:
        with torch.no_grad():
            callback(epoch, models)

    if checkpoint is None or Checkpoint.read(checkpoint) is None:
        for model in models:
            model.eval()
        watch(0)
    return watch
