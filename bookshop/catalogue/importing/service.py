"""The import service: files in, a summary and progress events out.

It prints nothing and sets no exit code, so that commands and pages can use it.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import BinaryIO

from sqlalchemy.engine import Engine

from bookshop.catalogue.covers.local_files import local_cover_finder
from bookshop.catalogue.covers.store import CoverStore
from bookshop.catalogue.importing import onix
from bookshop.catalogue.importing.csv import reader as csv_reader
from bookshop.catalogue.importing.files import decompress, peek
from bookshop.catalogue.importing.importer import Importer
from bookshop.catalogue.importing.records import FeedRecord, FileReport, ReadOptions
from bookshop.catalogue.importing.refused_records import RefusedRecordsFile
from bookshop.catalogue.importing.runs import SourceFile, processed_records
from bookshop.catalogue.importing.summary import ImportSummary
from bookshop.catalogue.jobs import after_import
from bookshop.catalogue.pricing import SalesContext
from bookshop.private_files import make_private_folder

_SAMPLE_SIZE = 4096  # bytes from which the format is detected
_NOT_MARKUP = b"\xef\xbb\xbf\xff\xfe \t\r\n\0"  # what may precede "<" in XML of any encoding


class FeedFormat(StrEnum):
    """The formats of feeds."""

    ONIX = "onix"
    CSV = "csv"


@dataclass(frozen=True)
class FeedStream:
    """A feed that is not a file on disk, such as standard input or an upload.

    Its import cannot resume, and has no local covers. `name` names its file of refused records.
    """

    name: str
    stream: BinaryIO


@dataclass(frozen=True)
class ImportRequest:
    """Feeds to import in order.

    Without `format`, the format is detected from the content; without `encoding`, a Python codec,
    that of CSV files is too.
    """

    feeds: Sequence[Path | FeedStream]
    format: FeedFormat | None = None
    encoding: str | None = None
    dry_run: bool = False


@dataclass(frozen=True)
class BatchImported:
    """Progress within a feed. `position` is in bytes of the file; None for a stream."""

    feed: Path | FeedStream
    summary: ImportSummary
    position: int | None


@dataclass(frozen=True)
class FeedImported:
    """A feed was imported. `refused_file` has the refused records, if there are any."""

    feed: Path | FeedStream
    summary: ImportSummary
    refused_file: Path | None


ImportEvent = BatchImported | FeedImported


class ReadOnlyError(Exception):
    """Raised where an import would write while the shop is read-only."""


@dataclass(frozen=True)
class ImportService:
    """Imports into one shop.

    `locale` is the shop's, such as en_GB: spreadsheets write dates as there. `folder` receives the
    refused records of feeds that have no writable folder of their own.
    """

    engine: Engine
    sales_context: SalesContext
    locale: str
    covers: CoverStore
    folder: Path
    is_read_only: Callable[[], bool]

    def run(self, request: ImportRequest, on_event: Callable[[ImportEvent], None]) -> ImportSummary:
        """Import the feeds, and update statistics and counts at the end.

        Raises ReadOnlyError, OSError, and sqlalchemy.exc.OperationalError if the database remains
        busy; batches that were imported before remain.
        """
        if not request.dry_run and self.is_read_only():
            raise ReadOnlyError
        total = ImportSummary()
        for feed in request.feeds:
            summary, refused_file = self._import(feed, request, on_event)
            on_event(FeedImported(feed, summary, refused_file))
            total.add(summary)
        if not request.dry_run:
            after_import(self.engine, self.sales_context)
        return total

    def _import(
        self,
        feed: Path | FeedStream,
        request: ImportRequest,
        on_event: Callable[[ImportEvent], None],
    ) -> tuple[ImportSummary, Path | None]:
        path = feed if isinstance(feed, Path) else None
        source = SourceFile.of(path) if path is not None and not request.dry_run else None
        find_cover = local_cover_finder(path.parent, self.covers) if path and source else None
        resumes = source is not None and processed_records(self.engine, source) > 0
        refused = RefusedRecordsFile(self._refused_stem(feed), append=resumes)
        importer = Importer(
            self.engine,
            self.sales_context,
            find_cover,
            refused.add,
            dry_run=request.dry_run,
        )
        with _opened(feed) as stream:

            def on_batch(summary: ImportSummary) -> None:
                on_event(BatchImported(feed, summary, stream.tell() if path else None))

            options = ReadOptions(self.sales_context.currency, self.locale, request.encoding)
            report = FileReport(path.name if path else feed.name)
            records = read_feed(stream, request.format, options, report)
            try:
                summary = importer.run(records, source, on_batch)
            finally:
                refused.close()
        summary.files.append(report)
        return summary, refused.path

    def _refused_stem(self, feed: Path | FeedStream) -> Path:
        """Return the path for refused records: next to the feed if its folder is writable."""
        if isinstance(feed, Path) and os.access(feed.parent, os.W_OK):
            return feed
        make_private_folder(self.folder)
        return self.folder / feed.name


def read_feed(
    stream: BinaryIO, feed_format: FeedFormat | None, options: ReadOptions, report: FileReport
) -> Iterator[FeedRecord]:
    """Yield the records of a feed, and complete `report`. Raises FeedError."""
    sample, stream = peek(decompress(stream), _SAMPLE_SIZE)
    if feed_format is None:
        is_xml = sample.lstrip(_NOT_MARKUP).startswith(b"<")
        feed_format = FeedFormat.ONIX if is_xml else FeedFormat.CSV
    if feed_format is FeedFormat.ONIX:
        yield from onix.read(stream, options.locale)
    else:
        yield from csv_reader.read(stream, options, report)


@contextmanager
def _opened(feed: Path | FeedStream) -> Iterator[BinaryIO]:
    """Open a file; a stream belongs to the caller and remains open."""
    if isinstance(feed, FeedStream):
        yield feed.stream
        return
    with feed.open("rb") as stream:
        yield stream
