"""Training of R copies of any module: named streams, measured engines, checkpoints that continue to the same bit."""

from zeeman.training.checkpoint import Checkpoint, read_tensors, write_tensors
from zeeman.training.engine import ENGINES, PRECISIONS, Engine, choose_engine
from zeeman.training.ensemble import Apart, Ensemble, Stacked, Threaded
from zeeman.training.loop import Plan, Trained, train
from zeeman.training.machine import evaluating, quiet_machine, resolve_device
from zeeman.training.schedules import SCHEDULES, schedule

__all__ = [
    "ENGINES",
    "PRECISIONS",
    "SCHEDULES",
    "Apart",
    "Checkpoint",
    "Engine",
    "Ensemble",
    "Plan",
    "Stacked",
    "Threaded",
    "Trained",
    "choose_engine",
    "evaluating",
    "quiet_machine",
    "read_tensors",
    "resolve_device",
    "schedule",
    "train",
    "write_tensors",
]
