"""The findings that `bookshop check` reports."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Severity = Literal["error", "warning"]


@dataclass(frozen=True)
class Finding:
    """A problem of a setting, or of the file or service that it names.

    `code` is stable and names the kind of fault; `key` is the setting. `problem`, `fix` (what to
    write or run) and `why` (why it matters) are sentences without a full stop. An error keeps
    customers from buying, or loses money, mail or secrets; a warning may.
    """

    severity: Severity
    code: str
    key: str
    problem: str
    fix: str
    why: str


def error(code: str, key: str, problem: str, fix: str, why: str) -> Finding:
    """Return a finding that must be fixed now."""
    return Finding("error", code, key, problem, fix, why)


def warning(code: str, key: str, problem: str, fix: str, why: str) -> Finding:
    """Return a finding that should be fixed."""
    return Finding("warning", code, key, problem, fix, why)
