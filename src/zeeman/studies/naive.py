"""The programs that everyone writes first: what zeeman's speed is set beside."""

from __future__ import annotations

import time
from typing import Any

import numpy as np
import torch
from torch.utils.data import DataLoader, TensorDataset

from zeeman.spins._random_numba import generators, jit, sfc64
from zeeman.spins.lattices import square

__all__ = ["metropolis", "metropolis_work", "training_loop"]


@jit
def metropolis(s: Any, neighbours: Any, table: Any, state: Any, n_sweeps: int) -> None:
    """One int8 a spin, sites in order, acceptance from a table, a random number only where energy would rise."""
    a, b, c, d = state[0, 0], state[1, 0], state[2, 0], state[3, 0]
    for _ in range(n_sweeps):
        for i in range(s.size):
            near = 0
            for k in range(4):
                near += s[neighbours[i, k]]
            aligned = s[i] * near
            if aligned > 0:
                a, b, c, d, word = sfc64(a, b, c, d)
                if word < table[aligned]:
                    s[i] = -s[i]
            else:
                s[i] = -s[i]
    state[0, 0], state[1, 0], state[2, 0], state[3, 0] = a, b, c, d


def metropolis_work(temperature: float, length: int = 32) -> tuple[Any, ...]:
    """Arguments of `metropolis` but the number of sweeps: an ordered L x L lattice at T, J = 1."""
    lattice = square(length)
    table = np.array([min(int(np.exp(-2 * k / temperature) * 2.0**64), 2**64 - 1) for k in range(5)], np.uint64)
    return np.ones(lattice.n_sites, np.int8), lattice.neighbours, table, generators(np.random.default_rng(0), 1)


def training_loop(model: Any, x: torch.Tensor, batch_size: int, n_epochs: int = 1) -> list[float]:
    """Train by DataLoader and Adam, float32, on the device of the model; return the times at which steps ended, s."""
    loader = DataLoader(TensorDataset(x.float()), batch_size=batch_size, shuffle=True, drop_last=True)
    optimiser = torch.optim.Adam(model.parameters(), lr=1e-3, betas=(0.5, 0.999))
    losses, ends, device = [], [], next(model.parameters()).device
    model.train()
    for _ in range(n_epochs):
        for (batch,) in loader:
            optimiser.zero_grad()
            loss = model(batch.to(device), torch.randn(len(batch), 2, device=device))[0]
            loss.backward()
            optimiser.step()
            losses.append(loss.item())
            ends.append(time.perf_counter())
    return ends
