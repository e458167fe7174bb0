"""The SMTP transport against a local server with faults."""

import dataclasses
import gc
import socket
import ssl
import threading

import pytest
import trustme

from bookshop.mail import smtp
from bookshop.mail.message import EmailContent, QueuedMail, build_message
from bookshop.mail.transport import (
    DeliveryError,
    OutageError,
    RefusedError,
    SettingsRefusedError,
)
from bookshop.settings.parsers import Secret
from tests.plugins.mail_server import DROP, LOST, authenticator
from tests.unit.makers import NOW

CONTENT = EmailContent("Order", "Größe\n.\n..\nline\n", "<p>Größe</p>\n")


@pytest.fixture
def made(registry):
    """Makes messages."""

    def make(recipient="ada@mail.example"):
        mail = QueuedMail("paid", 1, recipient, "0123abcd", NOW, {})
        return build_message(registry.services.settings, mail, CONTENT)

    return make


def failure(transport, mail):
    """Return the error of a failing delivery."""
    with pytest.raises(DeliveryError) as caught:
        transport.deliver(mail)
    return caught.value


def test_message_arrives_unchanged(make_smtp, server, made):
    make_smtp(server).deliver(made())
    (found,) = server.box.mails
    assert found.mail_from == "hello@bookshop.example"
    assert found.rcpt_tos == ["ada@mail.example"]
    assert found.session.host_name == "shop.example"
    assert found.message["Message-ID"] == "<0123abcd@localhost>"
    text, html = found.message.iter_parts()
    assert text.get_content().replace("\r\n", "\n") == CONTENT.text
    assert html.get_content().replace("\r\n", "\n") == CONTENT.html


# --- replies


@pytest.mark.parametrize(
    ("stage", "answer", "fault"),
    [
        ("connect", "421 4.3.2 closed", OutageError),
        ("connect", "450 later", OutageError),
        ("connect", "554 no", SettingsRefusedError),
        ("MAIL", "421 closed", OutageError),
        ("MAIL", "451 4.3.0 later", DeliveryError),
        ("MAIL", "550 5.1.8 who?", SettingsRefusedError),
        ("MAIL", "530 5.7.0 log in first", SettingsRefusedError),
        ("RCPT", "421 closed", OutageError),
        ("RCPT", "450 4.2.0 greylisted", DeliveryError),
        ("RCPT", "550 5.1.1 no such user", RefusedError),
        ("RCPT", "552 5.2.2 full", RefusedError),
        ("RCPT", "530 5.7.0 log in first", SettingsRefusedError),
        ("RCPT", "554 5.7.1 relaying denied", DeliveryError),
        ("DATA", "421 closed", OutageError),
        ("DATA", "451 4.3.0 later", DeliveryError),
        ("DATA", "554 5.6.0 no", RefusedError),
    ],
)
def test_reply_codes_map_to_errors(make_smtp, server, made, stage, answer, fault):
    server.box.plan[stage] = [answer]
    found = failure(make_smtp(server), made())
    assert type(found) is fault
    assert found.summary.endswith(f": {answer[:3]}")
    assert found.answer == answer[4:]
    assert server.box.mails == []


@pytest.mark.parametrize("stage", ["connect", "EHLO", "MAIL", "RCPT", "DATA"])
def test_lost_connection_is_temporary(make_smtp, server, made, stage):
    server.box.plan[stage] = [DROP]
    found = failure(make_smtp(server), made())
    assert type(found) is (OutageError if stage in {"connect", "EHLO"} else DeliveryError)
    make_smtp(server).deliver(made())
    assert len(server.box.mails) == 1


def test_lost_reply_leads_to_a_duplicate_with_the_same_id(make_smtp, server, made):
    server.box.plan["DATA"] = [LOST]
    assert type(failure(make_smtp(server), made())) is DeliveryError
    make_smtp(server).deliver(made())
    assert server.box.ids() == ["<0123abcd@localhost>"] * 2


def test_refused_connection_is_an_outage(make_smtp, server, made):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    found = failure(make_smtp(server, port=port), made())
    assert type(found) is OutageError
    assert found.summary == "connect: ConnectionRefusedError"


def test_summary_has_no_personal_data(make_smtp, server, made):
    server.box.plan["RCPT"] = ["550 5.1.1 <ada@mail.example> unknown"]
    found = failure(make_smtp(server), made())
    assert "ada" not in f"{found} {found!r} {found.summary}"
    assert "ada" in found.answer


# --- addresses outside ASCII


def test_smtputf8_is_used_if_supported(make_smtp, server, made):
    make_smtp(server).deliver(made("zoë@mail.example"))
    (found,) = server.box.mails
    assert found.rcpt_tos == ["zoë@mail.example"]


def test_smtputf8_unsupported_is_a_refusal(make_smtp, make_server, made):
    server = make_server()
    found = failure(make_smtp(server), made("zoë@mail.example"))
    assert type(found) is RefusedError
    assert found.summary.startswith("SMTPUTF8: ")


# --- time-outs


def test_silent_server_is_an_outage(make_smtp, server, made):
    with socket.create_server(("127.0.0.1", 0)) as silent:
        found = failure(make_smtp(server, port=silent.getsockname()[1], timeout=0.1), made())
    assert type(found) is OutageError


@pytest.mark.parametrize("stage", ["MAIL", "RCPT"])
def test_replies_time_out(make_smtp, server, made, stage):
    held = threading.Event()
    server.box.plan[stage] = [held]
    found = failure(make_smtp(server, timeout=0.2), made())
    held.set()
    assert type(found) is DeliveryError
    assert server.box.mails == []


def test_final_reply_has_a_longer_timeout(make_smtp, server, made):
    held = threading.Event()
    server.box.plan["DATA"] = [held]
    threading.Timer(1.5, held.set).start()
    make_smtp(server, timeout=1.0).deliver(made())
    assert len(server.box.mails) == 1


def test_final_reply_times_out(make_smtp, server, made, monkeypatch):
    monkeypatch.setattr(smtp, "DATA_TIMEOUT", 0.2)
    held = threading.Event()
    server.box.plan["DATA"] = [held]
    found = failure(make_smtp(server), made())
    held.set()
    assert type(found) is DeliveryError


@pytest.mark.parametrize("greeting", [b"", b"220 mx.example\r\n"], ids=["greeting", "EHLO"])
def test_trickling_server_is_aborted(make_smtp, server, made, monkeypatch, greeting):
    monkeypatch.setattr(smtp, "MAX_DELIVERY_TIME", 0.5)
    ended = threading.Event()

    def trickle():
        connection, _ = trickling.accept()
        with connection:
            connection.sendall(greeting)
            while not ended.wait(0.02):
                try:
                    connection.sendall(b"2")
                except OSError:
                    return

    with socket.create_server(("127.0.0.1", 0)) as trickling:
        thread = threading.Thread(target=trickle)
        thread.start()
        found = failure(make_smtp(server, port=trickling.getsockname()[1]), made())
        ended.set()
        thread.join(60)
    assert not isinstance(found, RefusedError)


# The server keeps a half-open connection until it is garbage-collected.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_connection_after_the_deadline_is_not_used(make_smtp, server, made, monkeypatch):
    class Late(smtp._Client):
        def _get_socket(self, *arguments):
            self._abort()
            return super()._get_socket(*arguments)

    monkeypatch.setattr(smtp, "_Client", Late)
    assert type(failure(make_smtp(server), made())) is OutageError
    assert server.box.mails == []
    gc.collect()


def test_no_timer_survives_its_delivery(make_smtp, server, made):
    make_smtp(server).deliver(made())
    server.box.plan = {"connect": [DROP, "554 no"], "RCPT": [DROP]}
    for _ in range(3):
        failure(make_smtp(server), made())
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    failure(make_smtp(server, port=port), made())
    for thread in threading.enumerate():
        if isinstance(thread, threading.Timer):
            thread.join(60)
            assert not thread.is_alive()


def test_failing_quit_is_ignored(make_smtp, server, made, monkeypatch):
    def silent(self):
        raise OSError

    monkeypatch.setattr(smtp._Client, "quit", silent)
    make_smtp(server).deliver(made())
    assert len(server.box.mails) == 1


# --- TLS and login


@pytest.fixture(scope="module")
def authority():
    return trustme.CA()


@pytest.fixture
def trusted(authority, tmp_path, monkeypatch):
    """Trust the test authority."""
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))


@pytest.fixture
def certified(authority):
    """Makes TLS contexts of servers with a certificate for a host name."""

    def make(name="localhost"):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        authority.issue_cert(name).configure_cert(context)
        return context

    return make


def test_starttls(make_smtp, make_server, made, certified, trusted):
    server = make_server(tls_context=certified(), require_starttls=True)
    make_smtp(server, security="starttls").deliver(made())
    (found,) = server.box.mails
    assert found.session.ssl is not None


def test_implicit_tls(make_smtp, make_server, made, certified, trusted):
    server = make_server(tls=certified())
    make_smtp(server, security="tls").deliver(made())
    assert len(server.box.mails) == 1


@pytest.mark.parametrize("security", ["starttls", "tls"])
def test_untrusted_certificate_is_refused(make_smtp, make_server, made, certified, security):
    context = certified()
    server = make_server(**{"tls" if security == "tls" else "tls_context": context})
    found = failure(make_smtp(server, security=security), made())
    assert type(found) is SettingsRefusedError
    assert "certificate" in found.answer
    assert server.box.mails == []


def test_certificate_of_another_host_is_refused(make_smtp, make_server, made, certified, trusted):
    server = make_server(tls_context=certified("mx.example"))
    found = failure(make_smtp(server, security="starttls"), made())
    assert type(found) is SettingsRefusedError
    assert "Hostname mismatch" in found.answer


def test_missing_starttls_is_refused(make_smtp, server, made):
    found = failure(make_smtp(server, security="starttls"), made())
    assert type(found) is SettingsRefusedError
    assert found.summary.startswith("STARTTLS: ")
    assert server.box.mails == []


LOGIN = {"username": "shop", "password": Secret("Passphrase25")}


def test_login(make_smtp, make_server, made, certified, trusted):
    server = make_server(tls_context=certified(), auth_required=True, authenticator=authenticator)
    make_smtp(server, security="starttls", **LOGIN).deliver(made())
    assert len(server.box.mails) == 1


def test_refused_login_reveals_no_password(make_smtp, make_server, made, certified, trusted):
    server = make_server(tls_context=certified(), auth_required=True, authenticator=authenticator)
    wrong = {**LOGIN, "password": Secret("Secretive51")}
    found = failure(make_smtp(server, security="starttls", **wrong), made())
    assert type(found) is SettingsRefusedError
    assert found.summary == "AUTH: 535"
    assert "Secretive51" not in f"{found!r} {found.answer}"


def test_missing_login_is_refused(make_smtp, make_server, made, certified):
    server = make_server(tls_context=certified(), auth_required=True, authenticator=authenticator)
    found = failure(make_smtp(server), made())
    assert (type(found), found.summary) == (SettingsRefusedError, "MAIL FROM: 530")


def test_unsupported_login_is_refused(make_smtp, server, made):
    found = failure(make_smtp(server, **LOGIN), made())
    assert type(found) is SettingsRefusedError
    assert found.summary.startswith("AUTH: ")


def test_password_is_not_in_the_repr(make_smtp, server):
    transport = make_smtp(server, **LOGIN)
    assert "Passphrase25" not in repr(dataclasses.asdict(transport._settings))
