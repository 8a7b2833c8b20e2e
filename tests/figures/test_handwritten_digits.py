"""Paper 002, Fig. 6: ranks and votes on cases that are known, MNIST from a local folder, and the smallest run."""

import struct

import numpy as np
import pytest
from figure_contract import check_figure

from zeeman.studies.figures import handwritten_digits as figure
from zeeman.studies.figures import size_of


def test_rank_counts_the_pairs_that_are_more_similar():
    blocks = np.eye(10)
    blocks[4, 9] = blocks[9, 4] = 0.5
    blocks[3, 8] = blocks[8, 3] = 0.7
    assert figure.rank_of_pair(blocks, 3, 8) == 1
    assert figure.rank_of_pair(blocks, 4, 9) == 2


def test_votes_see_separated_groups_and_nothing_in_noise():
    labels = np.repeat(np.arange(10), 60)
    rng = np.random.default_rng(0)
    assert figure.votes_right(10 * np.eye(10)[labels] + rng.standard_normal((600, 10)), labels) > 0.99
    noise = figure.votes_right(rng.standard_normal((600, 2)), labels)
    assert noise == pytest.approx(0.1, abs=0.08)  # neighbours share votes: wider than a binomial error


def test_named_digits():
    read = np.r_[np.repeat(np.arange(5), 30), [7]]
    assert figure.digits_named(read) == 5


def test_mnist_is_taken_from_the_folder_that_the_environment_names(tmp_path, monkeypatch):
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (450, 28, 28), dtype=np.uint8)
    header = struct.pack(">HBB", 0, 8, 3) + struct.pack(">III", *images.shape)
    (tmp_path / "train-images-idx3-ubyte").write_bytes(header + images.tobytes())
    labels = np.arange(450, dtype=np.uint8) % 10
    (tmp_path / "train-labels-idx1-ubyte").write_bytes(struct.pack(">HBBI", 0, 8, 1, 450) + labels.tobytes())
    monkeypatch.setenv(figure.FOLDER, str(tmp_path))
    X, digits, name, epochs = figure.images(size_of("smoke"))
    assert (X.shape, name, epochs) == ((400, 28, 28), "MNIST", size_of("smoke").n_epochs)
    row = int(np.flatnonzero((images / np.float32(255) == X[0]).all(axis=(1, 2)))[0])
    assert labels[row] == digits[0]


def test_the_smallest_run(tmp_path, monkeypatch):
    monkeypatch.delenv(figure.FOLDER, raising=False)
    numbers = check_figure("002-6", tmp_path)
    assert str(numbers["source"]) == "scikit-learn"
    assert (np.diff(np.sort(numbers["claim_blocks"].diagonal(axis1=1, axis2=2))) >= 0).all()
