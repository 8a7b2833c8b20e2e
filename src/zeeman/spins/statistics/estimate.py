"""A value with its error, printed as 1.234(5): the error in units of the last digit shown."""

from __future__ import annotations

import math
from dataclasses import dataclass
from decimal import ROUND_HALF_EVEN, Decimal, localcontext

__all__ = ["Estimate", "shorthand"]

_DIGITS = 700  # between the first of the largest float and the last of the smallest
_SMALL, _LARGE = -4, 6  # powers of ten between which numbers are written without an exponent


@dataclass(frozen=True)
class Estimate:
    """A value and its standard error; for the mean of a series also how correlated that was.

    Attributes
    ----------
    value, error : float
        One standard error, autocorrelation included.
    tau, tau_error : float
        Integrated autocorrelation time in samples, 1/2 for independent ones; NaN where no single series has it.
    n_effective : float
        Independent samples that would give the same error.

    Examples
    --------
    >>> print(Estimate(1.23412, 0.0052), Estimate(0.02, 0.4), Estimate(2.5e-7, 1.2e-9))
    1.234(5) 0.0(4) 2.500(12)e-07
    """

    value: float
    error: float
    tau: float = math.nan
    n_effective: float = math.nan
    tau_error: float = math.nan

    def __str__(self) -> str:
        return shorthand(self.value, self.error)


def shorthand(value: float, error: float) -> str:
    """Write value and error as 1.234(5): one digit of the error, two when it begins with 1; 12.3(1.2) across the point.

    The value is rounded where the error is, also where the error is the larger. An exponent belongs to both. An error
    of zero or one that is no number is written as it is, beside ten digits of the value.
    """
    if not (math.isfinite(value) and math.isfinite(error)) or error <= 0:
        return f"{value:.10g}({error:.10g})"
    scale = max(_exponent(value), _exponent(error)) if value else _exponent(error)
    power = scale if not _SMALL <= scale < _LARGE else 0
    shift = Decimal(1).scaleb(-power)
    exact, spread = Decimal(repr(float(value))) * shift, Decimal(repr(float(error))) * shift
    place = _last_place(spread)
    unit = Decimal(1).scaleb(place)
    # beyond the point's left there are no digits to show: whole numbers, rounded at that place
    with localcontext(prec=_DIGITS):
        # adding zero takes the sign off what rounds to nothing
        exact, spread = ((x / unit).quantize(Decimal(1), ROUND_HALF_EVEN) * unit + 0 for x in (exact, spread))
    decimals = max(0, -place)
    inside = f"{spread:.{decimals}f}"
    if spread < 1 or decimals == 0:
        inside = inside.replace(".", "").lstrip("0")
    text = f"{exact:.{decimals}f}({inside})"
    return f"{text}e{power:+03d}" if power else text


def _exponent(x: float) -> int:
    return Decimal(repr(abs(float(x)))).adjusted()


def _last_place(error: Decimal) -> int:
    """Power of ten at which an error is rounded: after two digits if they begin with 1, else after one."""
    leading = error.adjusted()
    two = int((error.scaleb(1 - leading)).quantize(Decimal(1), ROUND_HALF_EVEN))
    if two < 20:  # 10..19
        return leading - 1
    # an error that one digit rounds up to 10 begins with 1 again: both digits stay
    return leading
