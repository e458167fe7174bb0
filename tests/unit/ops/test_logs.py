"""Lines of the log: none is lost, and each thread's stand in their order."""

import io
import logging
import subprocess
import sys
import threading

import pytest

from bookshop.ops import logs
from bookshop.ops.logs import InBatches
from tests.waiting import until

PROGRAM = """
import logging, sys
from bookshop.ops.logs import InBatches
logging.basicConfig(level=logging.INFO, handlers=[InBatches(sys.stderr)], format="%(message)s")
logging.info("the last line")
"""


@pytest.fixture
def stream():
    return io.StringIO()


@pytest.fixture
def handler(stream):
    return InBatches(stream)


@pytest.fixture
def log(handler):
    """Hands a line to the handler, as a logger does."""

    def log(text, *values, level=logging.INFO):
        record = {"levelno": level, "msg": text, "args": values}
        handler.handle(logging.makeLogRecord(record))

    return log


@pytest.fixture
def patient(monkeypatch):
    """Nothing is written by the clock."""
    monkeypatch.setattr(logs, "PAUSE", 3600)


def test_lines_are_written_a_moment_later(log, stream):
    for number in range(3):
        log("line %d", number)
    until(lambda: stream.getvalue() == "line 0\nline 1\nline 2\n", 10)
    log("once more")
    until(lambda: stream.getvalue().endswith("once more\n"), 10)


@pytest.mark.usefixtures("patient")
def test_a_warning_is_written_at_once_after_what_was_before(log, stream):
    log("before")
    assert stream.getvalue() == ""
    log("now", level=logging.WARNING)
    assert stream.getvalue() == "before\nnow\n"


@pytest.mark.usefixtures("patient")
def test_not_too_many_lines_wait(log, stream, monkeypatch):
    monkeypatch.setattr(logs, "MOST", 3)
    for number in range(5):
        log(number)
    assert stream.getvalue() == "0\n1\n2\n"


@pytest.mark.usefixtures("patient")
def test_many_threads_lose_no_line_and_mix_none(handler, log, stream):
    def work(name):
        for number in range(200):
            level = logging.WARNING if number % 50 == 0 else logging.INFO
            log("%s %d", name, number, level=level)

    threads = [threading.Thread(target=work, args=(name,)) for name in "abcd"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    handler.flush()
    lines = stream.getvalue().splitlines()
    for name in "abcd":
        assert [line for line in lines if line[0] == name] == [f"{name} {n}" for n in range(200)]


def test_a_stream_that_fails_gets_the_lines_after_it(log, stream, monkeypatch):
    def fail(_text):
        monkeypatch.undo()
        raise OSError

    monkeypatch.setattr(stream, "write", fail, raising=False)
    log("lost")
    until(lambda: stream.write is not fail, 10)
    log("written")
    until(lambda: stream.getvalue() == "written\n", 10)


@pytest.mark.usefixtures("patient")
def test_a_line_that_cannot_be_made_keeps_nobody_from_work(log, stream, capsys):
    log("%d", "no number")
    assert "Logging error" in capsys.readouterr().err
    log("on it goes", level=logging.WARNING)
    assert stream.getvalue() == "on it goes\n"


def test_the_end_of_the_process_writes_the_rest():
    command = [sys.executable, "-c", PROGRAM]
    ended = subprocess.run(command, check=True, capture_output=True, text=True)
    assert ended.stderr == "the last line\n"
