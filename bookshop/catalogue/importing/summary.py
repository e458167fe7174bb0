"""The result of an import."""

from __future__ import annotations

from dataclasses import dataclass, field

from bookshop.catalogue.importing.records import FileReport

#: The counters of a summary: each record increments one.
COUNTS = ("new", "changed", "unchanged", "deleted", "refused")
MAX_ERRORS = 1000  # kept in memory; the file of refused records has all


@dataclass(frozen=True)
class RefusedRecord:
    """A record that was not imported: its reference, first line and printed ISBN, and why.

    `code` is stable; `reason` is a sentence.
    """

    record: str | None
    line: int
    isbn: str | None
    code: str
    reason: str


@dataclass
class ImportSummary:
    """How many records were imported, and the first MAX_ERRORS that were refused.

    `skipped` records were processed by an earlier, interrupted import. `stopped` says why a file
    was not read to its end; None if it was. `files` has a report of each file.
    """

    new: int = 0
    changed: int = 0
    unchanged: int = 0
    deleted: int = 0
    refused: int = 0
    skipped: int = 0
    errors: list[RefusedRecord] = field(default_factory=list)
    stopped: str | None = None
    files: list[FileReport] = field(default_factory=list)

    def count(self, name: str) -> None:
        """Increment one of COUNTS."""
        setattr(self, name, getattr(self, name) + 1)

    def refuse(self, record: RefusedRecord) -> None:
        """Count a refused record."""
        self.refused += 1
        if len(self.errors) < MAX_ERRORS:
            self.errors.append(record)

    def add(self, other: ImportSummary) -> None:
        """Add the result of another file."""
        for name in (*COUNTS, "skipped"):
            setattr(self, name, getattr(self, name) + getattr(other, name))
        self.errors += other.errors[: MAX_ERRORS - len(self.errors)]
        self.stopped = self.stopped or other.stopped
        self.files += other.files

    @property
    def processed(self) -> int:
        """The number of records processed so far, by this and an interrupted import."""
        processed: int = self.skipped + sum(getattr(self, name) for name in COUNTS)
        return processed

    @property
    def complete(self) -> bool:
        """True if no record was refused, and all files were read to their ends."""
        return not self.refused and self.stopped is None
