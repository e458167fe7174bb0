"""What tests of mail ask for: a mail server of their own, a clock to set, and postmen."""

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
LOST = "lost"  # the mail is taken, and the answer is not heard


class Box:
    """What arrived, and what the server does instead of taking a mail.

    `plan` says for each stage (connect, EHLO, MAIL, RCPT, DATA) what happens to the next mails:
    an answer such as "451 later", DROP, LOST, an event to wait for, or None: all is well.
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
        """What the server answers at that stage in place of its own."""
        what = self.next(stage)
        if isinstance(what, threading.Event):
            self.reached.set()
            await asyncio.get_running_loop().run_in_executor(None, what.wait, 30)
            return None
        if what == DROP:
            server.transport.abort()
            raise ConnectionResetError
        return what

    def ids(self):
        return sorted(envelope.message["Message-ID"] for envelope in self.mails)


class Handler:
    def __init__(self, box) -> None:
        self.box = box

    async def handle_MAIL(self, server, session, envelope, address, options):  # noqa: N802
        if said := await self.box.at(server, "MAIL"):
            return said
        envelope.mail_from, envelope.mail_options = address, options
        return "250 OK"

    async def handle_RCPT(self, server, session, envelope, address, options):  # noqa: N802
        if said := await self.box.at(server, "RCPT"):
            return said
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):  # noqa: N802
        said = await self.box.at(server, "DATA")
        if said and said != LOST:
            return said
        envelope.message = message_from_bytes(envelope.content, policy=policy.default)
        envelope.session = session
        self.box.mails.append(envelope)
        if said == LOST:
            server.transport.abort()
            raise ConnectionResetError
        return "250 OK"


class Server(SMTP):
    """aiosmtpd's, with the greeting and the EHLO in the hands of the box."""

    async def push(self, status):
        box = self.event_handler.box
        if isinstance(status, str) and status.startswith("220 ") and not self.session.host_name:
            stage = "STARTTLS" if "STARTTLS" in box.seen[-1:] else "connect"
            if said := await box.at(self, stage):
                await super().push(said)
                self.transport.close()
                return
        await super().push(status)

    async def smtp_EHLO(self, hostname):  # noqa: N802
        if said := await self.event_handler.box.at(self, "EHLO"):
            await self.push(said)
            return
        await super().smtp_EHLO(hostname)


class MailServer:
    """A mail server on a free port of loopback; `box` is its behaviour and its contents."""

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

        self._server = asyncio.run_coroutine_threadsafe(listen(), self._loop).result(10)
        self.port = self._server.sockets[0].getsockname()[1]

    def close(self) -> None:
        async def end():
            self._server.close()
            tasks = asyncio.all_tasks() - {asyncio.current_task()}
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await self._loop.shutdown_default_executor()

        asyncio.run_coroutine_threadsafe(end(), self._loop).result(10)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()


@pytest.fixture
def make_server():
    """Mail servers with the options of aiosmtpd's SMTP; `tls` is a context for TLS at once."""
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
    """The registry of a shop, for letters alone: in its database only the catalogue is read."""
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
    """The transport to a mail server, as settings might have it."""

    def make(server, **changes):
        given = {"host": "localhost", "port": server.port, "security": "none", "timeout": 10.0}
        settings = dataclasses.replace(registry.services.settings.mail, **{**given, **changes})
        return Smtp(settings, "shop.example")

    return make


@pytest.fixture
def make_mail_worker(registry, sessions):
    """Postmen of the shop's database, with the transport that a test wants."""
    made = []

    def make(transport):
        made.append(MailWorker(sessions, registry.services.settings, EmailComposer(registry), transport))
        return made[-1]

    yield make
    for postman in made:
        postman.stop()


class Time:
    """The shop's time, which passes when a test says so."""

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
def post(sessions):
    """Writes as many mails, each about an order of its own; their ids."""

    def write_mails(count=1, kind=MailKind.PAID, **values):
        detail = values.pop("detail", {})
        with sessions.begin() as session:
            wanted = book(title="Moss")
            session.add(wanted)
            orders = [
                order(wanted, **{"email": f"reader{number}@mail.example", **values})
                for number in range(count)
            ]
            session.add_all(orders)
            session.flush()
            for each in orders:
                enqueue_order_email(session, each, kind, "", clock.now(), **detail)
            ids = session.query(MailRecord.id).order_by(MailRecord.id.desc()).limit(count)
            return sorted(mail_id for (mail_id,) in ids)

    return write_mails


@pytest.fixture
def mails(sessions):
    """All mails as they are now, by id."""

    def read():
        with sessions() as session:
            return {mail.id: mail for mail in session.query(MailRecord)}

    return read
