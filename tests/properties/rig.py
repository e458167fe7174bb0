"""The shop, the sandbox and the clock that all examples share; each begins with empty tables."""

from __future__ import annotations

import faulthandler
import shutil
import sys
import time
import types
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import count
from pathlib import Path

from msgspec import structs
from sqlalchemy import event, select, update

from bookshop import clock
from bookshop.catalogue.edition import Price
from bookshop.catalogue.models import BookRecord, ListingRecord
from bookshop.db import Base
from bookshop.mail.folder import Folder
from bookshop.mail.worker import MailWorker
from bookshop.orders.emails import EmailComposer
from bookshop.payments.circuit_breaker import RECOVERY_TIME, CircuitBreaker
from tests.demo_books import EBOOK, LAST_COPY, MOSS
from tests.properties.interruptions import DatabaseFailed, Interruptions
from tests.shops import Controls, Shop, start_sandbox

#: A book with two copies, one with its last copy, an e-book.
BOOKS = (MOSS, LAST_COPY, EBOOK)
STOCKS = (2, 1, None)
PRICES = (1000, 1250, 799)
CATALOGUE_PREFIXES = ("books", "catalogue", "facet", "imports", "listing", "search")
LONGEST = 180  # seconds that an example may take
TICK = timedelta(milliseconds=1)
#: What the sandbox keeps from one example to the next: nothing.
SANDBOX_TABLES = ("objects", "idempotency", "requests", "deliveries")


class Clock:
    """The time of shop and sandbox: it advances by one tick with each reading."""

    def __init__(self) -> None:
        self._now = datetime.now(UTC)

    def look(self) -> datetime:
        self._now += TICK
        return self._now

    def pass_by(self, span: timedelta) -> None:
        self._now += span

    def timestamp(self) -> float:
        return self._now.timestamp()


class Watched(Folder):
    """A mail folder whose delivery can be interrupted."""

    def __init__(self, path: Path, interruptions: Interruptions) -> None:
        super().__init__(path)
        self._interruptions = interruptions

    def deliver(self, message) -> None:
        with self._interruptions.around("mail"):
            super().deliver(message)


class Rig:
    """One application and one sandbox for thousands of steps."""

    def __init__(self, folder: Path, template: Path, monkeypatch, postgres=None, **changes) -> None:
        self.clock = Clock()
        monkeypatch.setattr(clock, "now", self.clock.look)
        self._set_the_sandboxs_clock(monkeypatch)
        self.server = start_sandbox(folder)
        self.controls = Controls(self.server.url)
        self.shop = Shop(folder / "var", template, self.server.url, **changes)
        self.registry = self.shop.registry
        self.mail_folder = folder / "mail"
        self.overlapping = postgres is not None
        self.interruptions = Interruptions(postgres and postgres.lock_awaited)
        self._checked_out: dict = {}
        self._quieten()
        self._watch()

    @property
    def store(self):
        """What the sandbox remembers."""
        return self.server._sandbox.store

    def reset(self) -> None:
        """Reset: no orders, the three books as they were, an empty account at Stripe."""
        # An example may hang, all of them together may take their time.
        faulthandler.dump_traceback_later(LONGEST, exit=True)
        self.restart()
        self.controls.clear()
        for table in SANDBOX_TABLES:
            self.store.run(f"DELETE FROM {table}")  # noqa: S608
        with self.registry.services.engine.begin() as connection:
            for table in reversed(Base.metadata.sorted_tables):
                if not table.name.startswith(CATALOGUE_PREFIXES):
                    connection.execute(table.delete())
            for sku, stock, price in zip(BOOKS, STOCKS, PRICES, strict=True):
                book = update(BookRecord).where(BookRecord.sku == sku)
                connection.execute(book.values(stock=stock, reserved=0))
                self.set_price(connection, sku, price)
        shutil.rmtree(self.mail_folder, ignore_errors=True)

    @staticmethod
    def set_price(connection, sku: str, price: int) -> None:
        where = BookRecord.sku == sku
        edition = connection.scalar(select(BookRecord.edition).where(where))
        prices = (Price("GBP", price),)
        changed = structs.replace(edition, prices=prices)
        connection.execute(update(BookRecord).where(where).values(edition=changed))
        connection.execute(
            update(ListingRecord).where(ListingRecord.sku == sku).values(amount=price)
        )

    def restart(self) -> None:
        """What the process held in memory is gone: connections, and what they had not committed."""
        self.interruptions.forget()
        for connection in list(self._checked_out.values()):
            connection.invalidate()
        self._checked_out.clear()
        self.registry.services.payments.close()
        self.registry.services.reported_api_versions.clear()

    def mail_worker(self) -> MailWorker:
        """A mail worker with the shop's own e-mails."""
        settings = self.registry.services.settings
        transport = Watched(self.mail_folder, self.interruptions)
        return MailWorker(self.registry.services.sessions, settings, self.letters, transport)

    def close(self) -> None:
        faulthandler.cancel_dump_traceback_later()
        self.shop.close()
        self.server.stop()

    def _quieten(self) -> None:
        """Stop the background threads, and do not wait for them."""
        for name in ("job_worker", "mail_worker"):
            if hasattr(self.registry, name):
                getattr(self.registry, name).stop()
        self.registry.services.payments._http.INITIAL_DELAY = 0
        # Its pauses are over as soon as they begin: here each visit counts, and none waits.
        self.registry.services.payments.breaker = CircuitBreaker(
            partial(next, count(step=RECOVERY_TIME))
        )
        self.letters = EmailComposer(self.registry)

    def _watch(self) -> None:
        engine, http = self.registry.services.engine, self.registry.services.payments._http
        commit, request = engine.dialect.do_commit, http.request

        def do_commit(connection) -> None:
            try:
                with self.interruptions.around("commit"):
                    commit(connection)
            except DatabaseFailed as err:
                if self.overlapping:
                    connection.rollback()  # PostgreSQL never goes on after such a failure
                raise engine.dialect.loaded_dbapi.OperationalError("injected") from err

        def ask(*arguments, **named):
            with self.interruptions.around("request"):
                return request(*arguments, **named)

        engine.dialect.do_commit, http.request = do_commit, ask

        @event.listens_for(engine, "connect")
        def hurry(connection, _record) -> None:
            if engine.dialect.name == "sqlite":
                connection.execute("PRAGMA synchronous=OFF")  # the machine is not to die

        @event.listens_for(engine, "checkout")
        def check_out(_connection, record, proxy) -> None:
            self._checked_out[id(record)] = proxy

        @event.listens_for(engine, "checkin")
        def check_in(_connection, record) -> None:
            self._checked_out.pop(id(record), None)

        engine.dispose()

    def _set_the_sandboxs_clock(self, monkeypatch) -> None:
        fake_time = types.SimpleNamespace(time=self.clock.timestamp, monotonic=time.monotonic)
        for name, module in list(sys.modules.items()):
            if name.startswith("bookshop.sandbox.") and getattr(module, "time", None) is time:
                monkeypatch.setattr(module, "time", fake_time)
