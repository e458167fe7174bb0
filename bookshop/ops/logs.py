"""Log formatters and the log handler, named in the INI's `[formatter_…]` and `[handler_…]`.

Each line includes the fields bound to structlog's context, such as the request id, and the fields
that a call passes as `extra`.

https://www.structlog.org/en/stable/standard-library.html
"""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from typing import Any, TextIO

import msgspec
import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

from bookshop.redaction import printable, redact_value
from bookshop.web.request_log import RequestSummary

FLUSH_INTERVAL = 0.1  # seconds
MAX_BUFFERED_LINES = 10_000  # the thread that logs the next line writes them all
#: Written by the shop itself, and of a fixed shape.
OWN_FIELDS = frozenset({"timestamp", "level", "logger", "request_id"})
_encode = msgspec.json.Encoder().encode


def _redacted(event: EventDict) -> EventDict:
    """Return the fields redacted, before they are encoded: a match would take quotes with it."""
    return {
        name: value if name in OWN_FIELDS else redact_value(value) for name, value in event.items()
    }


def _render_json(_logger: WrappedLogger, _name: str, event: EventDict) -> str:
    return _encode(_redacted(event)).decode()


def _render_text(_logger: WrappedLogger, _name: str, event: EventDict) -> str:
    event = _redacted(event)
    line = f"{event.pop('timestamp')} {event.pop('level'):7} {event.pop('logger')}: "
    line += printable(str(event.pop("event")))
    traceback = event.pop("exception", None)
    fields = " ".join(f"{name}={printable(str(value))}" for name, value in event.items())
    return "".join((line, fields and f"  ({fields})", f"\n{traceback}" if traceback else ""))


class _StructuredFormatter(structlog.stdlib.ProcessorFormatter):
    """Base class: formats the records of `logging` and of structlog alike."""

    def __init__(self, renderer: Processor, timestamp_format: str) -> None:
        super().__init__(
            foreign_pre_chain=[
                structlog.contextvars.merge_contextvars,
                structlog.stdlib.add_log_level,
                structlog.stdlib.add_logger_name,
                structlog.stdlib.ExtraAdder(),
                structlog.processors.TimeStamper(fmt=timestamp_format, utc=True),
                structlog.processors.format_exc_info,
            ],
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer],
        )


class JsonFormatter(_StructuredFormatter):
    """Formats a record as a JSON object: `event`, `level`, `logger`, `timestamp` (UTC), fields."""

    def __init__(self, *_unused: Any, **_options: Any) -> None:
        super().__init__(_render_json, "iso")

    def format(self, record: logging.LogRecord) -> str:
        """Return the record's line.

        Request summaries, which are most lines, skip the processors: their fields are redacted.
        """
        if isinstance(record.msg, RequestSummary):
            return _encode(record.msg).decode()
        return super().format(record)


class TextFormatter(_StructuredFormatter):
    """Formats a record as a readable line, for development."""

    def __init__(self, *_unused: Any, **_options: Any) -> None:
        super().__init__(_render_text, "%H:%M:%S")


class BatchingHandler(logging.Handler):
    """Writes lines to a stream in batches, every FLUSH_INTERVAL; warnings and errors at once.

    Each write releases the interpreter's lock. With one write per request, threads spend more time
    switching than serving: docs/bench.md has the figures. SIGKILL loses the lines of one interval.
    """

    def __init__(self, stream: TextIO) -> None:
        super().__init__()
        self._stream = stream
        self._lines: deque[str] = deque()
        self._has_lines = threading.Event()
        self._write_lock = threading.Lock()
        threading.Thread(target=self._flush_periodically, name="log", daemon=True).start()

    def emit(self, record: logging.LogRecord) -> None:
        """Buffer the record's line."""
        try:
            self._lines.append(f"{self.format(record)}\n")
        except Exception:  # noqa: BLE001 - a line that cannot be formatted must not fail the request
            self.handleError(record)
            return
        if record.levelno >= logging.WARNING or len(self._lines) >= MAX_BUFFERED_LINES:
            self.flush()
        elif not self._has_lines.is_set():
            self._has_lines.set()

    def flush(self) -> None:
        """Write the buffered lines in order. `logging` also calls this when the process exits."""
        with self._write_lock:
            # Other threads may append meanwhile: their lines are written by the next flush.
            lines = [self._lines.popleft() for _ in range(len(self._lines))]
            if lines:
                self._stream.write("".join(lines))
                self._stream.flush()

    def _flush_periodically(self) -> None:
        while True:
            self._has_lines.wait()
            time.sleep(FLUSH_INTERVAL)
            self._has_lines.clear()
            try:
                self.flush()
            except (OSError, ValueError):  # a full disk, or a closed stream
                continue  # lines logged later are still written
