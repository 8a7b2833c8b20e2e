"""Data sets: what a model is trained on, where it comes from and how it is kept.

Rooms: `dataset` xarray data sets in zarr with packed bits, written so that a kill loses nothing acknowledged;
`generate` from a sampler to a data set; `sources` any file or built-in data set to one checked array.
"""

from __future__ import annotations

from zeeman.data.dataset import DatasetWriter, open_dataset, write_dataset
from zeeman.data.generate import generate_to, three_phases, three_phases_to
from zeeman.data.loaded import Loaded
from zeeman.data.sources import BUILT_IN, load

__all__ = [
    "BUILT_IN",
    "DatasetWriter",
    "Loaded",
    "generate_to",
    "load",
    "open_dataset",
    "three_phases",
    "three_phases_to",
    "write_dataset",
]
