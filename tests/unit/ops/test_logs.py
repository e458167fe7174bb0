"""The batching log handler loses no line and keeps the order of each thread's lines."""

import io
import json
import logging
import subprocess
import sys
import threading

import pytest

from bookshop.ops import logs
from bookshop.ops.logs import BatchingHandler, JsonFormatter, TextFormatter
from tests.waiting import until

PROGRAM = """
import logging, sys
from bookshop.ops.logs import BatchingHandler
handler = BatchingHandler(sys.stderr)
logging.basicConfig(level=logging.INFO, handlers=[handler], format="%(message)s")
logging.info("the last line")
"""


@pytest.fixture
def stream():
    return io.StringIO()


@pytest.fixture
def handler(stream):
    return BatchingHandler(stream)


@pytest.fixture
def log(handler):
    """Log a line through the handler."""

    def log(text, *values, level=logging.INFO):
        record = {"levelno": level, "msg": text, "args": values}
        handler.handle(logging.makeLogRecord(record))

    return log


@pytest.fixture
def no_timer(monkeypatch):
    """Keep the handler from writing on its interval."""
    monkeypatch.setattr(logs, "FLUSH_INTERVAL", 3600)


def test_lines_are_written_after_the_interval(log, stream):
    for number in range(3):
        log("line %d", number)
    until(lambda: stream.getvalue() == "line 0\nline 1\nline 2\n", 10)
    log("once more")
    until(lambda: stream.getvalue().endswith("once more\n"), 10)


@pytest.mark.usefixtures("no_timer")
def test_a_warning_is_written_at_once_after_the_lines_before_it(log, stream):
    log("before")
    assert stream.getvalue() == ""
    log("now", level=logging.WARNING)
    assert stream.getvalue() == "before\nnow\n"


@pytest.mark.usefixtures("no_timer")
def test_a_full_buffer_is_written_at_once(log, stream, monkeypatch):
    monkeypatch.setattr(logs, "MAX_BUFFERED_LINES", 3)
    for number in range(5):
        log(number)
    assert stream.getvalue() == "0\n1\n2\n"


@pytest.mark.usefixtures("no_timer")
def test_lines_of_many_threads_are_complete_and_in_order(handler, log, stream):
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


def test_lines_after_a_failed_write_are_written(log, stream, monkeypatch):
    def fail(_text):
        monkeypatch.undo()
        raise OSError

    monkeypatch.setattr(stream, "write", fail, raising=False)
    log("lost")
    until(lambda: stream.write is not fail, 10)
    log("written")
    until(lambda: stream.getvalue() == "written\n", 10)


@pytest.mark.usefixtures("no_timer")
def test_a_line_that_cannot_be_formatted_does_not_raise(log, stream, capsys):
    log("%d", "no number")
    assert "Logging error" in capsys.readouterr().err
    log("next line", level=logging.WARNING)
    assert stream.getvalue() == "next line\n"


def test_buffered_lines_are_written_when_the_process_exits():
    command = [sys.executable, "-c", PROGRAM]
    ended = subprocess.run(command, check=True, capture_output=True, text=True)
    assert ended.stderr == "the last line\n"


# --- formatters


@pytest.fixture
def json_line():
    """Return the fields of the line that is logged with these values."""

    def json_line(text="event", **fields):
        record = {"levelno": logging.WARNING, "levelname": "WARNING", "name": "test", "msg": text}
        line = JsonFormatter().format(logging.makeLogRecord({**record, **fields}))
        assert "\n" not in line
        return json.loads(line)

    return json_line


@pytest.mark.parametrize(
    "value",
    [
        "/Bearer x",
        'Bearer "x',
        "key=abcdefghijklmnop\\",
        "ada@reader.example",
        '"ada l"@b.example',
        "4242 4242 4242 4242",
        "\ud800",
    ],
)
def test_values_that_are_redacted_leave_valid_json(json_line, value):
    line = json_line(value, directive=value, nested={"list": [value]}, after="kept")
    assert line["after"] == "kept"
    assert {*line} >= {"event", "directive", "nested", "timestamp"}
    assert value not in (line["event"], line["directive"], line["nested"]["list"][0])


def test_a_traceback_is_redacted(json_line):
    error = ValueError("ada@reader.example")
    line = json_line(exc_info=(ValueError, error, None))
    assert "ValueError" in line["exception"]
    assert "reader.example" not in line["exception"]


def test_a_line_break_in_a_field_begins_no_other_line():
    record = {"levelname": "WARNING", "name": "test", "msg": "event\nforged", "page": "a\nforged"}
    assert "\n" not in TextFormatter().format(logging.makeLogRecord(record))
