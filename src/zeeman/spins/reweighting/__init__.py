"""Multi-histogram reweighting: samples at a few temperatures make averages, peaks and crossings at any between them.

With ``fit = reweight(data)``: ``fit.specific_heat(2.3)``, ``fit.binder(m).table(temperatures)``,
``peak(fit.susceptibility(m, connected=True))``, ``crossing(fit.binder(m), other.binder(n))``.
"""

from zeeman.spins.reweighting.features import Feature, crossing, peak
from zeeman.spins.reweighting.multihistogram import Curve, MultiHistogram, reweight

__all__ = ["Curve", "Feature", "MultiHistogram", "crossing", "peak", "reweight"]
