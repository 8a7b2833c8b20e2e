"""Torch devices that were named, tried before anything relies on them."""

from __future__ import annotations

from typing import Any

import torch

__all__ = ["usable_device"]


def usable_device(device: Any, otherwise: str) -> torch.device:
    """Return the torch device if numbers can be put there and read back.

    Parameters
    ----------
    device : str, int or torch.device
        As torch takes it: "cpu", "cuda", "cuda:1", ...
    otherwise : str
        What to do instead, for the message: "use device='cpu'".

    Raises
    ------
    TypeError
        `device` is no name of a device.
    ValueError
        It is unknown, or not to be had here; with torch's own reason.
    """
    try:
        torch.empty(1, device=device).cpu()
        return torch.device(device)
    except TypeError as error:
        raise TypeError(
            f"device must be a torch device such as 'cpu' or 'cuda', got {device!r}; {otherwise}"
        ) from error
    # "meta" and unknown words raise RuntimeErrors, a torch that was built without the device an AssertionError
    except (RuntimeError, AssertionError) as error:
        reason = str(error).partition("\n")[0]
        if reason.startswith("Expected one of"):  # every type that torch was ever built for
            raise ValueError(
                f"device must be 'cpu', 'cuda', 'cuda:1', ... as torch names them, got {device!r}; {otherwise}"
            ) from error
        raise ValueError(f"device {device!r} is not to be had here ({reason}); {otherwise}") from error
