"""What an import has come to."""

from __future__ import annotations

from dataclasses import dataclass, field

#: What a record may count as.
COUNTS = ("new", "changed", "unchanged", "deleted", "refused")
MOST_ERRORS = 1000  # that are kept in memory; the file of refused records has them all


@dataclass(frozen=True)
class Refused:
    """A record that was not taken: its reference, where it stands, its ISBN, and why."""

    record: str | None
    line: int
    isbn: str | None
    reason: str


@dataclass
class Report:
    """How many records did what, and the first MOST_ERRORS that were refused.

    `skipped` records were seen to by an earlier run. `stopped` says why the file was not read to
    its end; None where it was.
    """

    new: int = 0
    changed: int = 0
    unchanged: int = 0
    deleted: int = 0
    refused: int = 0
    skipped: int = 0
    errors: list[Refused] = field(default_factory=list)
    stopped: str | None = None

    def refuse(self, error: Refused) -> None:
        """Count a record that was refused."""
        self.refused += 1
        if len(self.errors) < MOST_ERRORS:
            self.errors.append(error)

    def add(self, other: Report) -> None:
        """Count what another file has come to."""
        for name in (*COUNTS, "skipped"):
            setattr(self, name, getattr(self, name) + getattr(other, name))
        self.errors += other.errors[: MOST_ERRORS - len(self.errors)]
        self.stopped = self.stopped or other.stopped

    @property
    def seen(self) -> int:
        """How many records there were."""
        seen: int = self.skipped + sum(getattr(self, name) for name in COUNTS)
        return seen
