"""How the log is written: a JSON object a line, or words for whoever develops.

An INI names one of these as the `class` of a formatter. Whatever was bound to structlog's context,
such as the request's id, stands in each line, and so does what a call gave as `extra`.

https://www.structlog.org/en/stable/standard-library.html
"""

from __future__ import annotations

import logging
import re
import threading
import time
from collections import deque
from typing import Any, TextIO

import msgspec
import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

from bookshop.web.request_log import RequestSummary

# The last defence: nothing that writes into the log has any of these to say.
SECRETS = re.compile(
    r"""
    (?:[sr]k|whsec|ek)_[A-Za-z0-9_]{6,}            # Stripe's keys and signing secrets
    | (?<=_secret_)[A-Za-z0-9]+                    # client secrets
    | (?<=key=)[A-Za-z0-9_.~-]{12,}                # signed links to orders
    | (?<=Bearer\ )\S+
    | \b(?:\d[ -]?){13,18}\d\b                     # card numbers; an ISBN has 13 digits
    | [A-Za-z0-9._%+-]+@[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+
    """,
    re.VERBOSE,
)
HIDDEN = "[hidden]"
PAUSE = 0.1  # seconds between two times that lines are written
MOST = 10_000  # lines that are kept; the next waits until they are written
_encode = msgspec.json.Encoder(enc_hook=str).encode


def redact(text: str) -> str:
    """The text without what looks like a secret, a card's number or somebody's address."""
    return SECRETS.sub(HIDDEN, text)


def _as_json(_logger: WrappedLogger, _name: str, event: EventDict) -> str:
    return redact(_encode(event).decode())


def _as_words(_logger: WrappedLogger, _name: str, event: EventDict) -> str:
    said = f"{event.pop('timestamp')} {event.pop('level'):7} {event.pop('logger')}: "
    said += str(event.pop("event"))
    trace = event.pop("exception", None)
    more = " ".join(f"{name}={value}" for name, value in event.items())
    return redact("".join((said, more and f"  ({more})", f"\n{trace}" if trace else "")))


class _Lines(structlog.stdlib.ProcessorFormatter):
    """Formats the records of `logging` and of structlog alike."""

    def __init__(self, written: Processor, when: str) -> None:
        super().__init__(
            foreign_pre_chain=[
                structlog.contextvars.merge_contextvars,
                structlog.stdlib.add_log_level,
                structlog.stdlib.add_logger_name,
                structlog.stdlib.ExtraAdder(),
                structlog.processors.TimeStamper(fmt=when, utc=True),
                structlog.processors.format_exc_info,
            ],
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, written],
        )


class JsonLines(_Lines):
    """One JSON object a line: `event`, `level`, `logger`, `timestamp` (UTC), and more."""

    def __init__(self, *_unused: Any, **_options: Any) -> None:
        super().__init__(_as_json, "iso")

    def format(self, record: logging.LogRecord) -> str:
        """The line of a record. A request's is written quickest, as there are most of them."""
        if isinstance(record.msg, RequestSummary):
            return _encode(record.msg).decode()
        return super().format(record)


class Words(_Lines):
    """The same for eyes."""

    def __init__(self, *_unused: Any, **_options: Any) -> None:
        super().__init__(_as_words, "%H:%M:%S")


class InBatches(logging.Handler):
    """Writes lines a moment later, all that there are by then; warnings and worse at once.

    Writing lets another thread have the interpreter. Done for each request, threads are busier
    changing places than serving: docs/bench.md has the figures. Whoever kills the process with
    SIGKILL loses the lines of that moment.
    """

    def __init__(self, stream: TextIO) -> None:
        super().__init__()
        self._stream = stream
        self._lines: deque[str] = deque()
        self._waiting = threading.Event()
        self._writing = threading.Lock()
        threading.Thread(target=self._write_now_and_then, name="log", daemon=True).start()

    def emit(self, record: logging.LogRecord) -> None:
        """Keep the line of a record until it is written."""
        try:
            self._lines.append(f"{self.format(record)}\n")
        except Exception:  # noqa: BLE001 - a line that cannot be made keeps nobody from being served
            self.handleError(record)
            return
        if record.levelno >= logging.WARNING or len(self._lines) >= MOST:
            self.flush()
        elif not self._waiting.is_set():
            self._waiting.set()

    def flush(self) -> None:
        """Write what is kept, in its order. At the end of the process `logging` calls it too."""
        with self._writing:
            # Others may add to it meanwhile: what they add may be written now, or the next time.
            lines = [self._lines.popleft() for _ in range(len(self._lines))]
            if lines:
                self._stream.write("".join(lines))
                self._stream.flush()

    def _write_now_and_then(self) -> None:
        while True:
            self._waiting.wait()
            time.sleep(PAUSE)
            self._waiting.clear()
            try:
                self.flush()
            except (OSError, ValueError):  # a full disk, or a stream that was closed
                continue  # the next line tries again
