"""psi_n(z) = f_n(z) psi_0(z): a multilayer perceptron f with its exact gradients, and what is minimised over it.

f(y) = W y + b + P tanh(... tanh(W_1 y + b_1)),   y = (z - center) / scale,

one scale for all axes, so that nothing knows the axes. Gradients go backward through the layers once, d f_n / dy =
(P s_l) W_l ... (s_1) W_1 with s = 1 - tanh^2, as ordinary tensor products that can be differentiated again.
"""

from __future__ import annotations

import itertools
from typing import cast

import torch
from torch import Tensor, nn

from zeeman.eigennet.objectives import PaperBox, energy_of, quantum_number

__all__ = ["PointwiseEnergy", "RayleighQuotient", "StateNetwork"]


class StateNetwork(nn.Module):
    """f: (sample, latent) to (sample, state), and its Jacobian.

    Parameters
    ----------
    n_latents, n_outputs : int
    hidden : sequence of int
        Widths of the hidden layers.
    """

    def __init__(self, n_latents: int, n_outputs: int, hidden: tuple[int, ...]) -> None:
        super().__init__()
        widths = (n_latents, *hidden)
        self.layers = nn.ModuleList(nn.Linear(a, b) for a, b in itertools.pairwise(widths))
        self.readout = nn.Linear(widths[-1], n_outputs)
        self.straight = nn.Linear(n_latents, n_outputs, bias=False)

    def forward(self, y: Tensor) -> Tensor:
        """Values f_n(y), (sample, state)."""
        return self._values_and_slopes(y)[0]

    def with_gradient(self, y: Tensor) -> tuple[Tensor, Tensor]:
        """Values f_n(y), (sample, state), and d f_n / dy, (sample, state, latent)."""
        values, slopes = self._values_and_slopes(y)
        gradient = self.readout.weight.expand(len(y), -1, -1)
        for layer, slope in zip(reversed(self._linear), reversed(slopes), strict=True):
            gradient = (gradient * slope[:, None, :]) @ layer.weight
        return values, gradient + self.straight.weight

    @property
    def _linear(self) -> list[nn.Linear]:
        return cast(list[nn.Linear], list(self.layers))

    def _values_and_slopes(self, y: Tensor) -> tuple[Tensor, list[Tensor]]:
        slopes, inside = [], y
        for layer in self._linear:
            inside = torch.tanh(layer(inside))
            slopes.append(1.0 - inside.square())
        return self.readout(inside) + self.straight(y), slopes


class RayleighQuotient(nn.Module):
    """tr(B^-1 A) over the span of the states, on each batch.

    A_ij = E[grad f_i . grad f_j] + E[V f_i f_j],  B_ij = E[f_i f_j], in units of the kinetic term.

    The trace of a projected operator does not care which vectors span the space, so degenerate levels do it no harm.
    The mean of the batches' traces is not the trace of the mean matrices: a bias of order 1/n for batches of n, paid
    for with large batches (oscillator, three levels that sum to 3: 3.25 from batches of 64, 3.07 of 256, 3.05 of 1024).
    Running averages of A and B in the gradient, which would remove the bias, lag behind the network, whose scale is
    free: it grows into the lag and the trace of the averages falls to zero while the held-out one doubles. Weights from
    one half of the batch for the other half are unbounded below. So the batch stands alone.

    Parameters
    ----------
    network : StateNetwork
    fixed_ground : bool
        Add the constant to the states, exactly, as state 0: the others are orthogonal to it and its energy is 0.
    """

    terms = ("trace",)

    def __init__(self, network: StateNetwork, fixed_ground: bool) -> None:
        super().__init__()
        self.network, self.fixed_ground = network, fixed_ground

    def forms(self, batch: Tensor) -> tuple[Tensor, Tensor]:
        """A and B over a batch (sample, latent + 1), the last column the potential, in float64."""
        y, potential = batch[:, :-1], batch[:, -1:]
        values, gradient = self.network.with_gradient(y)
        if self.fixed_ground:
            values = torch.cat([torch.ones_like(values[:, :1]), values], dim=1)
            gradient = torch.cat([torch.zeros_like(gradient[:, :1]), gradient], dim=1)
        flat = gradient.transpose(0, 1).flatten(1)
        energy = flat @ flat.T + (values * potential).T @ values
        overlap = values.T @ values
        return energy.double() / len(batch), overlap.double() / len(batch)

    def forward(self, batch: Tensor, noise: Tensor) -> Tensor:
        """Return the trace over this batch."""
        energy, overlap = self.forms(batch)
        return torch.linalg.solve(overlap, energy).trace()[None]


class PointwiseEnergy(nn.Module):
    """E[E0(n) + E1(n)] with n from psi(z) by the arcsin: every sample for itself (paper 000, section 2).

    psi = sqrt(2/L) sin f(y), one output, so that the arcsin is always defined.

    Parameters
    ----------
    network : StateNetwork
        One output, the phase.
    box : PaperBox
    objective : {"paper", "corrected"}
    """

    terms = ("energy",)

    def __init__(self, network: StateNetwork, box: PaperBox, objective: str) -> None:
        super().__init__()
        self.network, self.box, self.objective = network, box, objective

    def psi(self, y: Tensor) -> Tensor:
        """psi_n(z), (sample,), length^-1/2."""
        return (2.0 / self.box.length) ** 0.5 * torch.sin(self.network(y)[:, 0])

    def numbers(self, batch: Tensor) -> Tensor:
        """Quantum numbers n, (sample,), of a batch (sample, latent + 1), the last column the radius |z|."""
        return quantum_number(self.psi(batch[:, :-1]), batch[:, -1], self.box.length, self.objective)

    def energies(self, batch: Tensor) -> Tensor:
        """E0 + E1 (as printed) or E0 + E2 (corrected) of every sample, (sample,)."""
        return energy_of(self.numbers(batch), self.box, self.objective)

    def forward(self, batch: Tensor, noise: Tensor) -> Tensor:
        """Mean energy of the batch."""
        return self.energies(batch).mean()[None]
