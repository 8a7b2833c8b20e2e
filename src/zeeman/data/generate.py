"""From a sampler to a data set: the three phases of the Ising model, and any model into a store piece by piece.

Three phases on an L x L torus, H = -J sum_<ij> s_i s_j: FM (J = +1) and AFM (J = -1) below T_c = 2.269, PM (either J)
above. Five states to be found without labels: FM+, FM-, AFM+, AFM-, PM, by the signs of the magnetisation m and the
staggered magnetisation m_s. A Bernoulli beta-VAE keeps m if beta < 4 lambda_max(Cov x) = L^2 <m^2> over the
whole set (the linear limit of paper 002, equation 12); the temperatures here put that at 313 for L = 32.
"""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import xarray as xr

from zeeman.base.checks import check_choice, check_positive_integer
from zeeman.base.progress import Progress
from zeeman.base.random import entropy_of, stream
from zeeman.base.store import provenance
from zeeman.base.types import Seed
from zeeman.data.dataset import DatasetWriter

__all__ = ["DISORDERED", "ORDERED", "PIECE_BYTES", "generate_to", "is_two_state", "three_phases", "three_phases_to"]

ORDERED = (1.5, 1.6, 1.7, 1.8, 1.9, 2.0)  # T / |J| of FM and AFM
DISORDERED = (3.5, 4.0, 5.0, 6.0)  # T / |J| of PM
PIECE_BYTES = 2**27  # of configurations made at once by `generate_to`, twice that at most


def three_phases(
    size: int = 32, n_samples: int = 12000, seed: Seed = 0, progress: bool = False, *, piece: int = 0
) -> xr.Dataset:
    """Sample FM, AFM and PM configurations of the square-lattice Ising model, a third each, in random order.

    Temperatures: 1.5, 1.6, ... 2.0 in the ordered phases, 3.5, 4, 5, 6 in PM (half J = +1, half J = -1), in equal
    numbers. Both signs of the order parameter are equally frequent: each ordered configuration is multiplied
    by a sign, which at zero field leaves its weight as it is.

    Parameters
    ----------
    size : int
        L, even, at least 4.
    n_samples : int
        At least 30.
    seed : int, generator or None
        Decides everything.
    progress : bool
        Tell how far it is.
    piece : int
        Another number gives other samples of the same distribution (the pieces of `three_phases_to`).

    Returns
    -------
    xarray.Dataset
        ``configuration`` (sample, x, y) int8 of -1/+1; ``energy`` (sample) per site in |J|; ``state`` (sample) one
        of FM+, FM-, AFM+, AFM-, PM; coordinates ``temperature`` in |J|/k_B, ``coupling`` J and ``phase``. Attributes
        ``sampling`` (method, spacing, effective sample size, autocorrelation times and the verdict on equilibration
        at every temperature, as `zeeman.spins.sample` gives them), ``effective_sample_size`` and ``equilibrated``
        of the whole, ``collapse_threshold`` L^2 <m^2> and ``provenance``.
    """
    size, n_samples = _checked(size, n_samples)
    entropy = entropy_of(seed)
    groups = _groups(n_samples)
    parts, notes = [], {}
    with Progress(len(groups), "sampling the three phases", enabled=progress) as bar:
        for phase, coupling, temperatures, n in groups:
            seed_here = int(stream(entropy, f"{phase}{coupling:+.0f}", piece).integers(2**62))
            ds, notes[f"{phase}, J = {coupling:+.0f}"] = _sampled(size, coupling, temperatures, n, seed_here)
            parts.append(_labelled(ds, phase, coupling, stream(entropy, f"sign {phase}{coupling:+.0f}", piece)))
            bar.advance(detail=phase)
    ds = xr.concat(parts, "sample", data_vars="all", coords="all", join="exact", combine_attrs="drop")
    ds = ds.isel(sample=stream(entropy, "order", piece).permutation(n_samples))
    mean_square = float((ds.configuration.mean(("x", "y"), dtype=float) ** 2).mean())
    ds.attrs = {
        "title": "Ising model, square lattice, three phases",
        "lattice": "square",
        "size": size,
        "seed": entropy,
        "collapse_threshold": size**2 * mean_square,
        "sampling": notes,
        "effective_sample_size": sum(part["effective_sample_size_kept"] for part in notes.values()),
        "equilibrated": min(min(part["equilibrated"]) for part in notes.values()),
        "provenance": provenance(),
    }
    return ds


def three_phases_to(
    path: str | os.PathLike[str],
    size: int = 32,
    n_samples: int = 12000,
    seed: Seed = 0,
    progress: bool = False,
    *,
    piece_size: int = 12000,
) -> int:
    """Write `three_phases` to a store in pieces of `piece_size`; a killed call goes on when it is repeated.

    The samples depend on the arguments only, not on interruptions. Returns the number of samples.
    """
    size, n_samples = _checked(size, n_samples)
    entropy = entropy_of(seed)
    lengths = _piece_lengths(n_samples, check_positive_integer(piece_size, "piece_size", 30))
    settings = {"generator": "three_phases", "size": size, "seed": entropy, "pieces": lengths}

    def make(piece: int) -> xr.Dataset:
        return three_phases(size, lengths[piece], entropy, piece=piece)

    return _write_pieces(path, lengths, make, settings, progress, kept=("lattice",))


def generate_to(
    path: str | os.PathLike[str],
    model: Any,
    temperature: float | Sequence[float],
    n_samples: int,
    *,
    method: str = "auto",
    seed: Seed = 0,
    progress: bool = False,
    piece_size: int = 8192,
    device: str | None = None,
) -> int:
    """Sample any spin model into a store, in pieces that a killed call does not repeat.

    `n_samples` at each temperature, as `zeeman.spins.sample`, which refuses what cannot be before anything is written.
    Pieces are equally long, up to one: `piece_size` samples of all temperatures, or as many as take 128 MiB if those
    are fewer, and up to twice that where no further piece fits. The samples depend on the arguments only, not on
    interruptions. Returns the number of samples.
    """
    from zeeman import spins
    from zeeman.spins.samplers import METHODS, check_model, check_temperatures

    temperatures = check_temperatures(temperature).tolist()
    n_samples = check_positive_integer(n_samples, "n_samples")
    check_choice(method, METHODS, "method")
    check_model(model, method, None)  # the device where it is used: a finished store needs none
    piece_size = check_positive_integer(piece_size, "piece_size")
    entropy = entropy_of(seed)
    bytes_each = model.lattice.n_sites * np.dtype(model.dtype).itemsize * math.prod(model.value_axes.values())
    piece_size = min(piece_size, max(1, PIECE_BYTES // bytes_each))
    each = _piece_lengths(n_samples, max(1, piece_size // max(1, len(temperatures))))
    settings = {
        "generator": "sample", "model": repr(model), "temperatures": temperatures, "method": method,
        "seed": entropy, "pieces": each,
        **({} if device is None else {"device": device}),  # the same distribution there, other samples
    }  # fmt: skip

    def make(piece: int) -> xr.Dataset:
        seed_here = int(stream(entropy, "piece", piece).integers(2**62))
        return spins.sample(model, temperatures, each[piece], method=method, seed=seed_here, device=device)

    lengths = [n * len(temperatures) for n in each]
    names = ("model", "lattice", "length", *(name for name in vars(model) if name != "lattice"))
    return _write_pieces(path, lengths, make, settings, progress, packed=is_two_state(model), kept=names)


def is_two_state(model: Any) -> bool:
    """Whether all values of the model's sites are -1 and +1: a configuration then takes one bit a site."""
    states = getattr(model, "states", None)
    return states is not None and sorted(states.values) == [-1, 1]


def _checked(size: int, n_samples: int) -> tuple[int, int]:
    size = check_positive_integer(size, "size", 4)
    if size % 2:
        raise ValueError(f"size must be even, got {size}: an odd torus frustrates the antiferromagnet; take {size + 1}")
    return size, check_positive_integer(n_samples, "n_samples", 30)


def _groups(n_samples: int) -> list[tuple[str, int, tuple[float, ...], int]]:
    """Phase, coupling, temperatures and number of samples of each group; PM is two groups."""
    fm, afm, pm = (n_samples // 3 + (n_samples % 3 > i) for i in range(3))
    return [
        ("FM", 1, ORDERED, fm),
        ("AFM", -1, ORDERED, afm),
        ("PM", 1, DISORDERED, pm - pm // 2),
        ("PM", -1, DISORDERED, pm // 2),
    ]


def _sampled(
    size: int, coupling: int, temperatures: tuple[float, ...], n: int, seed: int
) -> tuple[xr.Dataset, dict[str, Any]]:
    """Return n samples, equally many at every temperature up to one, and what the sampler says about them."""
    from zeeman import spins

    model = spins.Ising(spins.square(size), coupling=float(coupling))
    each = -(-n // len(temperatures))
    ds = spins.sample(model, list(temperatures), each, seed=seed)
    rank = np.tile(np.arange(each), len(temperatures))  # of a sample within its temperature
    keep = np.sort(np.lexsort((ds.temperature.values, rank))[:n])
    kept = sum(ds.attrs["effective_sample_size"]) * n / ds.sizes["sample"]
    return ds[["configuration", "energy"]].isel(sample=keep), {**ds.attrs, "effective_sample_size_kept": kept}


def _labelled(ds: xr.Dataset, phase: str, coupling: int, rng: np.random.Generator) -> xr.Dataset:
    """Attach phase, coupling and state; in an ordered phase give half of the samples each sign."""
    from zeeman.spins import magnetization, staggered_magnetization

    n = ds.sizes["sample"]
    state = np.full(n, phase, "U4")
    if phase != "PM":
        order = (staggered_magnetization if phase == "AFM" else magnetization)(ds.configuration.values)
        wanted = rng.permutation(np.where(np.arange(n) % 2, -1, 1)).astype(np.int8)
        flip = np.where(order < 0, -wanted, wanted).astype(np.int8)
        ds = ds.assign(configuration=ds.configuration * xr.DataArray(flip, dims="sample"))
        state = np.where(wanted > 0, f"{phase}+", f"{phase}-").astype("U4")
    return ds.assign(state=("sample", state)).assign_coords(
        coupling=("sample", np.full(n, coupling, np.int8)), phase=("sample", np.full(n, phase, "U3"))
    )


def _piece_lengths(n: int, size: int) -> list[int]:
    """Cut n into pieces of at least `size` and less than twice `size`, as equal as can be; one piece if n is fewer."""
    pieces = max(1, n // size)
    return [n // pieces + (i < n % pieces) for i in range(pieces)]


def _write_pieces(
    path: str | os.PathLike[str],
    lengths: Sequence[int],
    make: Callable[[int], xr.Dataset],
    settings: Mapping[str, Any],
    progress: bool,
    packed: bool | None = None,
    kept: Sequence[str] = (),
) -> int:
    """Append the pieces that are not there yet; each is a function of its number alone.

    The store's attributes are the settings, and those named `kept` of the first piece, which say what all pieces share.
    """
    ends = np.cumsum(lengths)
    total = int(ends[-1])
    with Progress(total, f"samples to {os.fspath(path)}", enabled=progress) as bar:
        first = None if os.path.exists(path) else make(0)
        about = {key: value for key, value in settings.items() if key != "pieces"}
        if first is None:
            template = None
        else:
            shared = {name: first.attrs[name] for name in kept if name in first.attrs}
            template = first.drop_attrs(deep=False).assign_attrs({**about, **shared, "pieces": []})
            # the configurations alone say their model too: a likelihood of angles asks for it
            template["configuration"] = template.configuration.assign_attrs(shared)
        with DatasetWriter(path, template, total, settings=settings, packed=packed) as writer:
            done = int(np.searchsorted(ends, writer.n_committed, side="right"))
            bar.resume(writer.n_committed)
            for piece in range(done, len(lengths)):
                ds = first if piece == 0 and first is not None else make(piece)
                writer.append(ds, {"pieces": [*writer.attrs["pieces"], ds.attrs]})  # one record of its sampling a piece
                bar.advance(lengths[piece])
            return writer.n_committed
