"""Work in forked processes is the work done here: order, warnings, exceptions, and nothing left behind."""

import os
import signal
import threading
import time
import warnings

import numpy as np
import pytest

from zeeman.base.processes import can_fork, side_by_side

pytestmark = pytest.mark.skipif(not can_fork(), reason="processes cannot be forked here")


@pytest.fixture(autouse=True)
def two_cores(monkeypatch):
    monkeypatch.setattr("zeeman.base.processes.processors", lambda: 2)
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)


def test_results_come_in_order_from_other_processes():
    found = list(side_by_side(lambda n: (n, os.getpid(), np.arange(n)), range(7)))
    assert [n for n, _, _ in found] == list(range(7))
    assert len({pid for _, pid, _ in found}) == 2
    assert os.getpid() not in {pid for _, pid, _ in found}
    assert all(np.array_equal(array, np.arange(n)) for n, _, array in found)


def test_large_results_do_not_wait_for_one_another():
    found = list(side_by_side(lambda n: np.full(1_000_000, n), range(5)))
    assert [int(one[0]) for one in found] == list(range(5))


@pytest.mark.parametrize("why", ["one item", "OMP_NUM_THREADS", "thread"])
def test_work_is_done_here_where_nothing_is_to_be_forked(why, monkeypatch):
    items = [1] if why == "one item" else [1, 2]
    if why == "OMP_NUM_THREADS":
        monkeypatch.setenv("OMP_NUM_THREADS", "1")
    found = []

    def work():
        found.extend(side_by_side(lambda n: os.getpid(), items))

    if why == "thread":
        thread = threading.Thread(target=work)
        thread.start()
        thread.join()
    else:
        work()
    assert found == [os.getpid()] * len(items)


def test_warnings_and_exceptions_reach_the_caller():
    def work(n):
        if n == 1:
            warnings.warn("near an edge", RuntimeWarning, stacklevel=2)
        if n == 3:
            raise ValueError(f"n = {n} is not a number to work on")
        return n

    results = side_by_side(work, range(4))
    with pytest.warns(RuntimeWarning, match="near an edge"):
        assert [next(results) for _ in range(3)] == [0, 1, 2]
    with pytest.raises(ValueError, match="n = 3 is not"):
        next(results)


def test_a_lost_process_is_told():
    def work(n):
        if n == 1:
            os.kill(os.getpid(), signal.SIGKILL)
        return n

    with pytest.raises(RuntimeError, match=r"exit code -9.*OMP_NUM_THREADS=1"):
        list(side_by_side(work, range(2)))


def test_no_process_is_left_when_the_caller_stops(tmp_path):
    def work(n):
        (tmp_path / str(n)).write_text(str(os.getpid()))
        time.sleep(0.0 if n == 0 else 60.0)
        return n

    results = side_by_side(work, range(2))
    assert next(results) == 0
    while not (tmp_path / "1").is_file() or not (tmp_path / "1").read_text():
        time.sleep(0.01)
    results.close()
    with pytest.raises(ProcessLookupError):
        os.kill(int((tmp_path / "1").read_text()), 0)


def test_exceptions_and_results_that_cannot_be_sent_are_told():
    class Local(Exception):
        pass

    def work(n):
        if n == 1:
            raise Local("of mine")
        return lambda: n

    with pytest.raises(RuntimeError, match="Local: of mine"):
        list(side_by_side(lambda n: None if n == 0 else work(n), range(2)))
    with pytest.raises(TypeError, match="cannot be sent"):
        list(side_by_side(work, [0, 0]))


def test_a_program_with_its_own_handler_of_sigterm_does_not_wait():
    def work(n):
        if n == 0:
            raise ValueError("at once")
        time.sleep(30.0)

    before = signal.signal(signal.SIGTERM, lambda *_: None)
    start = time.monotonic()
    try:
        with pytest.raises(ValueError, match="at once"):
            list(side_by_side(work, range(2)))
    finally:
        signal.signal(signal.SIGTERM, before)
    assert time.monotonic() - start < 15.0
