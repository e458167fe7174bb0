"""Something to mend, as `bookshop check` tells it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Severity = Literal["error", "warning"]


@dataclass(frozen=True)
class Finding:
    """What is wrong with a setting or with what it names, why that matters, and what to write.

    An error keeps customers from buying, or loses money, mail or secrets; a warning may.
    """

    severity: Severity
    key: str
    problem: str
    fix: str
    why: str


def error(key: str, problem: str, fix: str, why: str) -> Finding:
    """A finding that cannot wait."""
    return Finding("error", key, problem, fix, why)


def warning(key: str, problem: str, fix: str, why: str) -> Finding:
    """A finding that should not stay."""
    return Finding("warning", key, problem, fix, why)
