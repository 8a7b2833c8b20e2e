"""What can be chosen of an analysis; a file of its own so that the command line can list it without loading torch."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["EmbeddingOptions", "Options"]


@dataclass(frozen=True)
class Options:
    """What can be chosen; None leaves the choice to the data, and the run says what was chosen.

    Attributes
    ----------
    latent_dim : int, optional
        2 for spins and images; for tables 5, or fewer if there are fewer than 10 columns.
    beta : float, optional
        Weight of the divergence from the prior: 1 for tables and images, the evidence itself; for L x L spins
        100 (L / 32)^2, for the threshold of collapse grows with the area.
    likelihood : str
        "bernoulli", "categorical", "gaussian", "von_mises" (angles), "von_mises_fisher" (unit vectors),
        "negative-binomial" (counts), or "auto": by the model that a file names, or by the values.
    network : str
        "table1", "table2", "mlp", or "auto".
    tempered : bool
        beta^2-VAE: local inverse temperatures beside the local fields.
    n_replicas : int, optional
        Trainings that differ only in their seeds, read in one frame (also --replicas); 5 by default. Of a
        convolutional network one is trained, and the others are small networks on the same data.
    n_epochs : int, optional
        Passes over the data; by default as many as the kind of data needs.
    learning_rate : float, optional
        Adam's rate at the start, falling to zero along a cosine; 0.001, the paper's.
    start : str, optional
        "pca": the encoder starts at the principal components, in a random frame; "random": from random weights.
        "pca" for spins on L x L sites, "random" for tables and all else; either may be asked for any data.
    batch_size : int, optional
        Samples a step; 64 for configurations on a lattice, otherwise 128.
    n_states : int
        Energy levels to find, the ground state included.
    n_clusters : int, optional
        Number of clusters, if it is known; found from the levels otherwise.
    scale : str
        "standardize" subtracts every column's mean and divides by its standard deviation, "none" leaves the data,
        "auto" standardises tables read from files under a Gaussian likelihood.
    seed : int
        Decides every random number. Last digits depend on the engine, chosen by timing; the report says which.
    key : str, optional
        Which array of a file that holds several.
    label_column : str, optional
        Which column holds labels; they are never trained on.
    size : int, optional
        L of the built-in sources ising and three_states.
    n_samples : int, optional
        Of the built-in sources ising, classes and three_states.
    n_classes : int, optional
        Of the built-in source classes.
    device : str
        "auto", "cpu" or "cuda".
    n_threads : int, optional
        Threads for training; measured if not given.
    """

    latent_dim: int | None = None
    beta: float | None = None
    likelihood: str = "auto"
    network: str = "auto"
    tempered: bool = False
    n_replicas: int | None = None
    n_epochs: int | None = None
    learning_rate: float | None = None
    start: str | None = None
    batch_size: int | None = None
    n_states: int = 10
    n_clusters: int | None = None
    scale: str = "auto"
    seed: int = 0
    key: str | None = None
    label_column: str | None = None
    size: int | None = None
    n_samples: int | None = None
    n_classes: int | None = None
    device: str = "auto"
    n_threads: int | None = None


@dataclass(frozen=True)
class EmbeddingOptions:
    """What can be chosen of a reading of embeddings.

    Attributes
    ----------
    n_states : int
        Energy levels to find, the ground state included.
    n_clusters : int, optional
        Number of clusters, if it is known; found from the levels otherwise.
    scale : str
        "unit" centres each embedding and divides it by one number, its root mean variance; "none" leaves it; "auto"
        does the first where the files' own scales differ by more than a fifth. Axes are never scaled one by one.
    seed : int
        Decides every random number.
    key : str, optional
        Which array of files that hold several, as obsm:X_scVI of .h5ad files.
    label_column : str, optional
        Which column of the first file holds labels; they only judge what is found without them.
    """

    n_states: int = 10
    n_clusters: int | None = None
    scale: str = "auto"
    seed: int = 0
    key: str | None = None
    label_column: str | None = None
