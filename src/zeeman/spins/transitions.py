"""What a search for a critical temperature found, as plain arrays: studies fill it, plots draw it.

Symbols: L the size (sites a side), T_L what one size or pair of sizes says, T_c the limit of large L.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from zeeman.base.brief import brief
from zeeman.spins.statistics import shorthand

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["CriticalTemperature", "Scaling", "SizeCurve"]


@brief
@dataclass(frozen=True)
class SizeCurve:
    """A signal over temperature at one size.

    Attributes
    ----------
    size : int
        L.
    temperatures, values, errors : ndarray, (temperature,)
        Where samples were drawn; mean over trainings, bootstrap error over samples.
    fine_temperatures, fine_values : ndarray, (grid,)
        The same between them, by multi-histogram reweighting; empty where samples carry no energy.
    """

    size: int
    temperatures: NDArray[np.float64]
    values: NDArray[np.float64]
    errors: NDArray[np.float64]
    fine_temperatures: NDArray[np.float64] = field(default_factory=lambda: np.empty(0))
    fine_values: NDArray[np.float64] = field(default_factory=lambda: np.empty(0))


@dataclass(frozen=True)
class Scaling:
    """How the limit of large L was taken.

    Attributes
    ----------
    form : str
        The fitted law.
    fixed : dict
        Constants that were not fitted (1/nu, omega, ...).
    parameters : dict
        Fitted ones, of the variant with the largest weight.
    chi2, dof : float, int
        Of that variant.
    n_variants : int
        Fits averaged: numbers of terms, ranges of sizes and of temperatures.
    weight : float
        Weight of the best of them.
    """

    form: str
    fixed: dict[str, float]
    parameters: dict[str, float]
    chi2: float
    dof: int
    n_variants: int
    weight: float


@dataclass(frozen=True)
class CriticalTemperature:
    """A critical temperature, its error and what it was made of; `float` of it is the value, `str` 2.2692(11).

    Attributes
    ----------
    value, error : float
        In the unit of the temperatures given; the error is the root of the sum of squares of the next three.
    samples_error : float
        Bootstrap over blocks of samples.
    retraining_error : float
        Of the mean over trainings, by their spread (Student's factor for few); 0 for what is not trained.
    scaling_error : float
        Spread of the averaged fits: terms kept, sizes and temperatures left out.
    estimator, signal : str
        Whose order parameter, and what was located: "length", "cumulant", "gap", "susceptibility", "reconstruction" or
        "helicity".
    sizes : tuple of int
    pseudocritical : dict
        For every size (peaks) or pair of sizes (crossings) T_L and its error.
    scaling : Scaling
    curves : tuple of SizeCurve
    trainings : ndarray, (replica,)
        T_c by every training alone.
    notes : tuple of str
        What a reader should know before using the number.
    """

    value: float
    error: float
    samples_error: float
    retraining_error: float
    scaling_error: float
    estimator: str
    signal: str
    sizes: tuple[int, ...]
    pseudocritical: dict[tuple[int, ...], tuple[float, float]]
    scaling: Scaling
    curves: tuple[SizeCurve, ...]
    trainings: NDArray[np.float64]
    notes: tuple[str, ...] = ()

    def __float__(self) -> float:
        return self.value

    def __str__(self) -> str:
        return shorthand(self.value, self.error)

    def pull(self, exact: float, error: float = 0.0) -> float:
        """Return (value - exact) / error, an error of `exact` itself added in quadrature."""
        return (self.value - exact) / float(np.hypot(self.error, error))

    def to_frame(self) -> pd.DataFrame:
        """What every size or pair of sizes says, and the limit as the last row: columns sizes, temperature, error."""
        import pandas as pd

        rows = [("-".join(map(str, key)), *found) for key, found in self.pseudocritical.items()]
        return pd.DataFrame([*rows, ("infinite", self.value, self.error)], columns=["sizes", "temperature", "error"])

    def to_dict(self) -> dict[str, Any]:
        """Plain values, for JSON; without the curves."""
        return {
            "value": self.value, "error": self.error, "samples_error": self.samples_error,
            "retraining_error": self.retraining_error, "scaling_error": self.scaling_error,
            "estimator": self.estimator, "signal": self.signal, "sizes": list(self.sizes),
            "pseudocritical": {"-".join(map(str, key)): list(found) for key, found in self.pseudocritical.items()},
            "form": self.scaling.form, "fixed": self.scaling.fixed, "parameters": self.scaling.parameters,
            "chi2": self.scaling.chi2, "dof": self.scaling.dof, "n_variants": self.scaling.n_variants,
            "trainings": self.trainings.tolist(), "notes": list(self.notes),
        }  # fmt: skip
