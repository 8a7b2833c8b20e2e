"""Progress: a bar with the time left on a terminal, plain lines in a log, silence on request."""

import io
import re

import pytest

from zeeman.base.progress import Progress


class Terminal(io.StringIO):
    def isatty(self):
        return True


def steps(stream, **options):
    with Progress(4, "training", stream=stream, **options) as bar:
        for _ in range(4):
            bar.advance(detail="loss 2.5")
    return stream.getvalue()


def test_a_log_gets_plain_lines_with_the_time_left():
    lines = steps(io.StringIO(), log_every=0.0).splitlines()
    assert lines == [f"training: {k}/4, 0 s left, loss 2.5" for k in (1, 2, 3)]


def test_a_log_is_not_flooded():
    assert steps(io.StringIO()) == ""


def test_a_terminal_gets_a_bar_with_the_time_left():
    shown = steps(Terminal())
    assert "4/4" in shown
    assert "loss 2.5" in shown
    assert re.search(r"\d:\d\d:\d\d", shown)


@pytest.mark.parametrize("stream", [io.StringIO, Terminal])
def test_quiet_is_quiet(stream):
    assert steps(stream(), enabled=False, log_every=0.0) == ""


def test_no_step_yet_has_no_time_left_to_tell():
    stream = io.StringIO()
    with Progress(4, "sampling", stream=stream, log_every=0.0) as bar:
        bar.advance(0)
        bar.resume(2)
        bar.advance(0)
    assert stream.getvalue() == ""


def test_what_an_earlier_session_did_does_not_count_in_the_time_left(monkeypatch):
    clock = iter([0.0, 30.0, 30.0])
    monkeypatch.setattr("zeeman.base.progress.time.monotonic", lambda: next(clock))
    stream = io.StringIO()
    with Progress(100, "sampling", stream=stream) as bar:
        bar.resume(90)
        bar.advance(5)
    assert stream.getvalue().startswith("sampling: 95/100, 30 s left")


def test_steps_that_are_no_things_to_count_are_told_as_a_part(monkeypatch):
    clock = iter([0.0, 30.0, 35.0, 40.0])
    monkeypatch.setattr("zeeman.base.progress.time.monotonic", lambda: next(clock))
    stream = io.StringIO()
    with Progress(200.0, "rows", stream=stream, percent=True) as bar:
        bar.advance(50.0, "square")
        bar.advance(150.0)
    assert stream.getvalue().splitlines() == ["rows: 25%, 90 s left, square", "rows: 100% in 40.0 s"]


def test_a_bar_tells_the_part_too():
    assert "100%" in steps(Terminal(), percent=True)
