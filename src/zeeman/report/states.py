"""The states of a latent space as plain arrays that a page evaluates: f_m(z) = sum_j coefficients_jm p_j(z - origin).

Nested bases (unions, fixed sums, shifts) are resolved into a list of Gaussians at landmarks and mixtures, each with the
coefficients of every state, in double precision: near-degenerate functions nearly cancel.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from zeeman.hamiltonians import NormalizedGaussians, NormalizedMixture, Union
from zeeman.hamiltonians.partitions import Combined, Shifted
from zeeman.spectrum import LatentSpectrum

__all__ = ["export_states"]

Array = NDArray[np.float64]


def export_states(
    spectrum: LatentSpectrum, place: int, rotation: Array | None = None, order: NDArray[np.integer] | None = None
) -> tuple[dict[str, Any], dict[str, NDArray]]:
    """Return (record, arrays) of a fitted spectrum; array names end in `place`.

    Parameters
    ----------
    spectrum : LatentSpectrum
    place : int
        Number of the training.
    rotation : ndarray, (state - 1, state - 1), optional
        Turns coordinates into the common frame (`Lift.rotations`).
    order : ndarray, (cluster,), optional
        The common number of each of its clusters.

    Raises
    ------
    TypeError
        For a basis that the page cannot evaluate.
    """
    excited, k = len(spectrum.energies_) - 1, spectrum.n_clusters_
    local = np.asarray(spectrum.rotation_, dtype=np.float64)
    order = np.arange(k) if order is None else order
    arrays: dict[str, NDArray] = {
        f"rotation {place}": np.eye(excited) if rotation is None else np.asarray(rotation, dtype=np.float64),
        f"local {place}": local[:, np.argsort(order)],
    }
    parts = []
    pieces = _pieces(spectrum.basis_, np.asarray(spectrum.coefficients_), np.asarray(spectrum.center_))
    for number, (record, values) in enumerate(pieces):
        names = {key: f"states {place} {number} {key}" for key in values}
        parts.append({**record, "arrays": names})
        arrays |= {names[key]: np.ascontiguousarray(value, dtype=np.float64) for key, value in values.items()}
    record = {
        "energies": spectrum.energies_, "localized": spectrum.localized_energies_[np.argsort(order)], "clusters": k,
        "reach": spectrum.reach_, "parts": parts, "rotation": f"rotation {place}", "local": f"local {place}",
    }  # fmt: skip
    return record, arrays


def _pieces(basis: Any, coefficients: Array, origin: Array) -> Iterator[tuple[dict[str, Any], dict[str, Array]]]:
    if isinstance(basis, Union):
        split = basis.first.n_functions
        yield from _pieces(basis.first, coefficients[:split], origin)
        yield from _pieces(basis.second, coefficients[split:], origin)
    elif isinstance(basis, Combined):
        yield from _pieces(basis.basis, basis.coefficients @ coefficients, origin)
    elif isinstance(basis, Shifted):
        yield from _pieces(basis.basis, coefficients, origin + basis.origin)
    elif isinstance(basis, NormalizedGaussians):
        count, latent = basis.centers.shape
        yield (
            {"kind": "gaussians", "width": basis.width, "count": count, "latent": latent},
            {"centres": basis.centers, "coefficients": coefficients, "origin": origin},
        )
    elif isinstance(basis, NormalizedMixture):
        precisions, offsets = basis._precisions
        count, latent = basis.means.shape
        yield (
            {"kind": "mixture", "widths": list(basis.widths), "count": count, "latent": latent},
            {"means": basis.means, "precisions": precisions, "offsets": offsets, "coefficients": coefficients,
             "origin": origin},
        )  # fmt: skip
    else:
        raise TypeError(f"the page cannot evaluate a basis {type(basis).__name__}; it knows Gaussians and mixtures")
