"""Fixtures for tests of e-mail: an SMTP server with faults, a clock, workers and queued mails."""

import asyncio
import dataclasses
import threading
from datetime import timedelta
from email import message_from_bytes, policy

import pytest
from aiosmtpd.smtp import SMTP, AuthResult

import bookshop
from bookshop import clock
from bookshop.mail.models import MailRecord
from bookshop.mail.smtp import Smtp
from bookshop.mail.worker import MailWorker
from bookshop.orders.emails import EmailComposer
from bookshop.orders.notifications import MailKind, enqueue_order_email
from tests.shops import ini
from tests.unit.makers import NOW, book, order

DROP = "drop"
LOST = "lost"  # the message is accepted, and the reply is lost


class Box:
    """The received messages, and the faults that the server simulates.

    `plan` has for each stage (connect, EHLO, MAIL, RCPT, DATA) what happens in the next sessions:
    a reply such as "451 later", DROP, LOST, an event to wait for, or None for success.
    """

    def __init__(self) -> None:
        self.mails = []
        self.plan = {}
        self.seen = []
        self.reached = threading.Event()

    def next(self, stage):
        self.seen.append(stage)
        planned = self.plan.get(stage)
        return planned.pop(0) if planned else None

    async def at(self, server, stage):
        """Return the planned reply at that stage, or None."""
        fault = self.next(stage)
        if isinstance(fault, threading.Event):
            self.reached.set()
            await asyncio.get_running_loop().run_in_executor(None, fault.wait, 30)
            return None
        if fault == DROP:
            server.transport.abort()
            raise ConnectionResetError
        return fault

    def ids(self):
        return sorted(envelope.message["Message-ID"] for envelope in self.mails)


class Handler:
    def __init__(self, box) -> None:
        self.box = box

    async def handle_MAIL(self, server, session, envelope, address, options):  # noqa: N802
        if reply := await self.box.at(server, "MAIL"):
            return reply
        envelope.mail_from, envelope.mail_options = address, options
        return "250 OK"

    async def handle_RCPT(self, server, session, envelope, address, options):  # noqa: N802
        if reply := await self.box.at(server, "RCPT"):
            return reply
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):  # noqa: N802
        reply = await self.box.at(server, "DATA")
        if reply and reply != LOST:
            return reply
        envelope.message = message_from_bytes(envelope.content, policy=policy.default)
        envelope.session = session
        self.box.mails.append(envelope)
        if reply == LOST:
            server.transport.abort()
            raise ConnectionResetError
        return "250 OK"


class Server(SMTP):
    """aiosmtpd's server, with planned replies to connections and EHLO."""

    async def push(self, status):
        box = self.event_handler.box
        if isinstance(status, str) and status.startswith("220 ") and not self.session.host_name:
            stage = "STARTTLS" if "STARTTLS" in box.seen[-1:] else "connect"
            if reply := await box.at(self, stage):
                await super().push(reply)
                self.transport.close()
                return
        await super().push(status)

    async def smtp_EHLO(self, hostname):  # noqa: N802
        if reply := await self.event_handler.box.at(self, "EHLO"):
            await self.push(reply)
            return
        await super().smtp_EHLO(hostname)


class MailServer:
    """An SMTP server on a free port of localhost; `box` has its faults and its messages."""

    def __init__(self, *, tls=None, **options) -> None:
        self.box = Box()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()

        async def listen():
            return await self._loop.create_server(
                lambda: Server(
                    Handler(self.box), hostname="mx.example", loop=self._loop, **options
                ),
                host="127.0.0.1",
                port=0,
                ssl=tls,
            )

        self._server = asyncio.run_coroutine_threadsafe(listen(), self._loop).result(60)
        self.port = self._server.sockets[0].getsockname()[1]

    def close(self) -> None:
        async def end():
            self._server.close()
            tasks = asyncio.all_tasks() - {asyncio.current_task()}
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await self._loop.shutdown_default_executor()

        asyncio.run_coroutine_threadsafe(end(), self._loop).result(60)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(60)
        self._loop.close()


@pytest.fixture
def make_server():
    """Starts servers with the options of aiosmtpd's SMTP; `tls` is a context for implicit TLS."""
    running = []

    def make(**options):
        running.append(MailServer(**options))
        return running[-1]

    yield make
    for server in running:
        server.close()


@pytest.fixture
def server(make_server):
    return make_server(enable_SMTPUTF8=True)


@pytest.fixture
def box(server):
    return server.box


def authenticator(server, session, envelope, mechanism, data):
    known = (data.login, data.password) == (b"shop", b"Passphrase25")
    return AuthResult(success=known, handled=False)


@pytest.fixture
def make_registry(tmp_path, sqlite_url):
    """Makes registries of shops, with the test's database."""
    made = []

    def make(**changes):
        changes = {"sqlalchemy__url": str(sqlite_url), **changes}
        config = bookshop.configure(ini(tmp_path / "var", "http://localhost:1", **changes))
        made.append(config.registry)
        return config.registry

    yield make
    for registry in made:
        registry.services.payments.close()
        registry.services.engine.dispose()


@pytest.fixture
def registry(make_registry):
    return make_registry()


@pytest.fixture
def make_smtp(registry):
    """Makes SMTP transports to a server."""

    def make(server, **changes):
        given = {"host": "localhost", "port": server.port, "security": "none", "timeout": 10.0}
        settings = dataclasses.replace(registry.services.settings.mail, **{**given, **changes})
        return Smtp(settings, "shop.example")

    return make


@pytest.fixture
def make_mail_worker(make_registry, sessions):
    """Makes mail workers of the test's database with a given transport."""
    url = sessions.kw["bind"].url.render_as_string(hide_password=False)
    registry = make_registry(sqlalchemy__url=url)
    made = []

    def make(transport):
        made.append(
            MailWorker(sessions, registry.services.settings, EmailComposer(registry), transport)
        )
        return made[-1]

    yield make
    for worker in made:
        worker.stop()


class Time:
    """A clock that a test advances."""

    def __init__(self) -> None:
        self.now = NOW

    def passes(self, **how_long):
        self.now += timedelta(**how_long)


@pytest.fixture
def time(monkeypatch):
    made = Time()
    monkeypatch.setattr(clock, "now", lambda: made.now)
    return made


@pytest.fixture
def enqueue_mails(sessions):
    """Enqueues e-mails, each about its own order; returns their ids."""

    def enqueue(count=1, kind=MailKind.PAID, **values):
        detail = values.pop("detail", {})
        with sessions.begin() as session:
            moss = book(title="Moss")
            session.add(moss)
            orders = [
                order(moss, **{"email": f"reader{number}@mail.example", **values})
                for number in range(count)
            ]
            session.add_all(orders)
            session.flush()
            for each in orders:
                enqueue_order_email(session, each, kind, "", clock.now(), **detail)
            ids = session.query(MailRecord.id).order_by(MailRecord.id.desc()).limit(count)
            return sorted(mail_id for (mail_id,) in ids)

    return enqueue


@pytest.fixture
def mails(sessions):
    """Returns all e-mails by id."""

    def read():
        with sessions() as session:
            return {mail.id: mail for mail in session.query(MailRecord)}

    return read
