"""Critical temperatures from order parameters, learned or known, of samples at several temperatures and sizes."""

from zeeman.studies.critical.estimate import critical_temperature
from zeeman.studies.critical.networks import UniformDecoder, UniformEncoder

__all__ = ["UniformDecoder", "UniformEncoder", "critical_temperature"]
