"""What every figure of a paper keeps: all claims judged, a picture from the numbers alone, the same numbers again."""

import matplotlib.pyplot as plt
import numpy as np

from zeeman.studies.figures import Shelf, figure, judge, read_numbers, size_of, write_numbers


def check_figure(key, folder):
    """Compute the figure at its smallest size in `folder`, check the contract and return its numbers."""
    one, size = figure(key), size_of("smoke")
    assert len({claim.name for claim in one.claims}) == len(one.claims)
    assert all(claim.why and claim.says and claim.measure for claim in one.claims)
    shelf = Shelf(folder, progress=False)
    numbers = one.compute(size, shelf)
    verdicts = judge(one.claims, numbers)
    assert all(len(verdict.values) for verdict in verdicts)
    assert all(verdict.baseline for verdict in verdicts if verdict.claim.baseline)
    again = one.compute(size, shelf)  # from the shelf
    assert numbers.keys() == again.keys()
    for name, value in numbers.items():
        np.testing.assert_array_equal(value, again[name], err_msg=name)
    write_numbers(folder / "numbers.npz", numbers)
    assert (folder / "numbers.npz").stat().st_size < 500_000
    drawn = one.draw(read_numbers(folder / "numbers.npz"))
    drawn.savefig(folder / "figure.png", dpi=50)
    plt.close("all")
    return numbers
