"""A made-up analysis whose truth is known: five clusters in a diamond, means m = a z1 + b z2 checkerboard."""

import numpy as np

from zeeman.base.results import Analysis, Baseline, Draws, Plane, SpinSites
from zeeman.base.types import Codes

CENTRES = {"FM+": (1.6, 0.0), "FM-": (-1.6, 0.0), "AFM+": (0.0, 1.6), "AFM-": (0.0, -1.6), "PM": (0.0, 0.0)}


def checkerboard(L):
    return np.where(np.add.outer(np.arange(L), np.arange(L)) % 2 == 0, 1.0, -1.0)


def bonds(L):
    site = np.arange(L * L).reshape(L, L)
    return np.concatenate([np.stack([site.ravel(), np.roll(site, -1, axis).ravel()], 1) for axis in (0, 1)])


def energy(configurations, J):
    s = configurations.astype(float)
    return -J * np.mean(s * (np.roll(s, -1, 1) + np.roll(s, -1, 2)), axis=(1, 2))


def means_of(z, L):
    """Bernoulli means (..., L, L) in [0, 1] of the latent points z (..., 2)."""
    field = 2.2 * z[..., 0, None, None] + 2.2 * z[..., 1, None, None] * checkerboard(L)
    return 1 / (1 + np.exp(-field))


def spins_analysis(n=600, L=16, n_replicas=2, seed=0, **changes):
    rng = np.random.default_rng(seed)
    states = np.array(list(CENTRES))[rng.permutation(np.arange(n) % 5)]
    Z = np.array([CENTRES[s] for s in states]) + rng.normal(0, 0.09, (n, 2)) * (1 + 0.6 * (states == "PM")[:, None])
    phases = np.array([s.strip("+-") for s in states])
    m, ms = np.tanh(1.3 * Z.T) + rng.normal(0, 0.012, (2, n))
    J = {"FM": 1.0, "AFM": -1.0, "PM": 1.0}
    real, generated = {}, {}
    for phase in J:
        chosen = Z[phases == phase]
        z = chosen[rng.integers(0, len(chosen), 64)]
        flip = 1.0 if phase != "PM" else 0.0
        crisp = np.where(rng.random((64, L, L)) < means_of(z * (1 + flip), L), 1, -1)
        loose = np.where(rng.random((64, L, L)) < means_of(z, L), 1, -1)
        real[phase] = Draws(crisp[:4], energy(crisp, J[phase]))
        generated[phase] = Draws(loose[:4], energy(loose, J[phase]))
    x = np.linspace(-2.4, 2.4, 25)
    grid = np.stack(np.meshgrid(x, x), -1)
    scores = np.column_stack([m, ms]) @ np.array([[0.98, 0.2], [-0.2, 0.98]])
    order = {"magnetization": m, "staggered_magnetization": ms}
    table = np.abs(np.corrcoef(np.vstack([m, ms]), Z.T)[:2, 2:])
    pca_table = np.abs(np.corrcoef(np.vstack([m, ms]), scores.T)[:2, 2:])
    epochs = np.arange(1, 11)
    decay = np.exp(-epochs / 2.0)[:, None]
    found = np.array([list(CENTRES).index(s) for s in states])
    energies = np.array([0, 0.004, 0.0046, 0.009, 0.031, 2.9, 3.1, 5.2, 6.8, 7.0])
    f = np.column_stack([Z[:, 0], Z[:, 1], Z[:, 0] ** 2 - Z[:, 1] ** 2, (Z**2).sum(1) - 2, *rng.normal(0, 1, (5, n))])
    values = {
        "name": f"Ising model, {L} × {L}, three phases",
        "codes": Codes(np.stack([Z] * n_replicas).astype("f4"), np.full((n_replicas, n, 2), 0.1, "f4")),
        "best_replica": 0,
        "Z": Z,
        "clusters": found,
        "n_clusters": 5,
        "energies": energies,
        "energies_error": 0.04 * energies + 0.001,
        "coordinates": f / f.std(0),
        "metrics": {
            "order_parameter_correlation": {"magnetization": float(table[0].max()),
                                            "staggered_magnetization": float(table[1].max())},
            "axis_crosstalk": 0.031,
            "pca": {"order_parameter_correlation": {"magnetization": float(pca_table[0].max()),
                                                    "staggered_magnetization": float(pca_table[1].max())},
                    "axis_crosstalk": 0.002},
            "energies": energies, "n_clusters": 5, "cluster_ari": 0.997, "elbo": -412.3,
            "generated_energy": {p: float(d.energies.mean()) for p, d in generated.items()},
            "data_energy": {p: float(d.energies.mean()) for p, d in real.items()},
            "spread": {"elbo": 1.7, "cluster_ari": 0.002},
            "seconds": {"simulate": 12.1, "train": 88.4, "spectrum": 3.2},
        },
        "settings": {"beta": 100.0, "latent_dim": 2, "n_epochs": 10, "n_replicas": n_replicas, "seed": seed},
        "notes": ["likelihood: bernoulli, because the data hold only −1 and +1."],
        "history": {
            "epoch": epochs,
            "loss": 480 + 300 * decay + rng.normal(0, 2, (10, n_replicas)),
            "reconstruction": 440 + 260 * decay + rng.normal(0, 2, (10, n_replicas)),
            "kl": 2.9 - 1.5 * decay + rng.normal(0, 0.02, (10, n_replicas)),
            "validation_elbo": -415 - 250 * decay + rng.normal(0, 2, (10, n_replicas)),
        },
        "phases": phases,
        "states": states,
        "kappa": {2: 0.98, 3: 0.97, 4: 0.95, 5: 0.93, 6: 0.41, 7: 0.22, 8: 0.2},
        "kappa_threshold": {k: 0.64 + 0.004 * k for k in range(2, 9)},
        "order_parameters": order,
        "correlations": table,
        "pca": Baseline(scores, pca_table, energies * np.linspace(1, 2.6, 10), found),
        "plane": Plane(x, x, means_of(grid, L).astype("f4")),
        "generated": generated,
        "real": real,
        "spins": SpinSites(bonds(L), J, {"magnetization": np.ones((L, L)), "staggered_magnetization": checkerboard(L)}),
        "provenance": {"versions": {"python": "3.11", "zeeman": "0.1.0"}, "commit": "abc123", "seed": seed},
        "seconds": {"simulate": 12.1, "train": 88.4, "spectrum": 3.2},
    }  # fmt: skip
    return Analysis(**{**values, **changes})


def tabular_analysis(n=300, d=4, k=3, seed=0):
    """No spins, more than two latents, one replica, no labels: everything optional is absent."""
    rng = np.random.default_rng(seed)
    clusters = np.arange(n) % k
    Z = rng.normal(0, 3, (k, d))[clusters] + rng.normal(0, 0.2, (n, d))
    coordinates = np.column_stack([np.cos(2 * np.pi * clusters / k), np.sin(2 * np.pi * clusters / k), Z])
    return Analysis(
        name="table.csv",
        codes=Codes(Z[None].astype("f4"), np.full((1, n, d), 0.1, "f4")),
        best_replica=0,
        Z=Z,
        clusters=clusters,
        n_clusters=k,
        energies=np.array([0, 0.01, 0.02, 1.1, 1.3, 1.9, 2.0]),
        coordinates=coordinates + rng.normal(0, 0.05, coordinates.shape),
        metrics={"n_clusters": k, "elbo": -31.2},
    )
