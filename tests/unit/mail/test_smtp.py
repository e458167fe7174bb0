"""Mail over SMTP, to a real server that is not always in the mood."""

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

LETTER = EmailContent("Order", "Größe\n.\n..\nline\n", "<p>Größe</p>\n")


@pytest.fixture
def made(registry):
    """A message to a recipient."""

    def make(recipient="ada@mail.example"):
        mail = QueuedMail("paid", 1, recipient, "0123abcd", NOW, {})
        return build_message(registry.services.settings, mail, LETTER)

    return make


def failure(transport, mail):
    """How the delivery fails."""
    with pytest.raises(DeliveryError) as caught:
        transport.deliver(mail)
    return caught.value


def test_a_mail_arrives_as_it_was_written(make_smtp, server, made):
    make_smtp(server).deliver(made())
    (found,) = server.box.mails
    assert found.mail_from == "hello@shelf.example"
    assert found.rcpt_tos == ["ada@mail.example"]
    assert found.session.host_name == "shop.example"
    assert found.message["Message-ID"] == "<0123abcd@localhost>"
    text, html = found.message.iter_parts()
    assert text.get_content().replace("\r\n", "\n") == LETTER.text
    assert html.get_content().replace("\r\n", "\n") == LETTER.html


# --- refusals


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
def test_what_the_server_answers_is_understood(make_smtp, server, made, stage, answer, fault):
    server.box.plan[stage] = [answer]
    found = failure(make_smtp(server), made())
    assert type(found) is fault
    assert found.summary.endswith(f": {answer[:3]}")
    assert found.answer == answer[4:]
    assert server.box.mails == []


@pytest.mark.parametrize("stage", ["connect", "EHLO", "MAIL", "RCPT", "DATA"])
def test_a_connection_that_is_lost_is_tried_again(make_smtp, server, made, stage):
    server.box.plan[stage] = [DROP]
    found = failure(make_smtp(server), made())
    assert type(found) is (OutageError if stage in {"connect", "EHLO"} else DeliveryError)
    make_smtp(server).deliver(made())
    assert len(server.box.mails) == 1


def test_an_answer_that_is_lost_leads_to_a_copy_under_the_same_id(make_smtp, server, made):
    server.box.plan["DATA"] = [LOST]
    assert type(failure(make_smtp(server), made())) is DeliveryError
    make_smtp(server).deliver(made())
    assert server.box.ids() == ["<0123abcd@localhost>"] * 2


def test_nobody_is_there(make_smtp, server, made):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    found = failure(make_smtp(server, port=port), made())
    assert type(found) is OutageError
    assert found.summary == "connect: ConnectionRefusedError"


def test_no_summary_tells_who_was_written_to(make_smtp, server, made):
    server.box.plan["RCPT"] = ["550 5.1.1 <ada@mail.example> unknown"]
    found = failure(make_smtp(server), made())
    assert "ada" not in f"{found} {found!r} {found.summary}"
    assert "ada" in found.answer


# --- addresses beyond ASCII


def test_an_address_beyond_ascii_where_the_server_can(make_smtp, server, made):
    make_smtp(server).deliver(made("zoë@mail.example"))
    (found,) = server.box.mails
    assert found.rcpt_tos == ["zoë@mail.example"]


def test_an_address_beyond_ascii_where_the_server_cannot(make_smtp, make_server, made):
    server = make_server()
    found = failure(make_smtp(server), made("zoë@mail.example"))
    assert type(found) is RefusedError
    assert found.summary == "SMTPUTF8: not supported"


# --- time


def test_a_server_that_says_nothing_is_left(make_smtp, server, made):
    with socket.create_server(("127.0.0.1", 0)) as silent:
        found = failure(make_smtp(server, port=silent.getsockname()[1], timeout=0.1), made())
    assert type(found) is OutageError


@pytest.mark.parametrize("stage", ["MAIL", "RCPT"])
def test_no_answer_is_waited_for_longer_than_the_time_out(make_smtp, server, made, stage):
    held = threading.Event()
    server.box.plan[stage] = [held]
    found = failure(make_smtp(server, timeout=0.2), made())
    held.set()
    assert type(found) is DeliveryError
    assert server.box.mails == []


def test_only_the_last_answer_may_take_its_time(make_smtp, server, made):
    held = threading.Event()
    server.box.plan["DATA"] = [held]
    threading.Timer(0.6, held.set).start()
    make_smtp(server, timeout=0.2).deliver(made())
    assert len(server.box.mails) == 1


def test_the_last_answer_is_not_waited_for_without_end(make_smtp, server, made, monkeypatch):
    monkeypatch.setattr(smtp, "DATA_TIMEOUT", 0.2)
    held = threading.Event()
    server.box.plan["DATA"] = [held]
    found = failure(make_smtp(server), made())
    held.set()
    assert type(found) is DeliveryError


@pytest.mark.parametrize("greeting", [b"", b"220 mx.example\r\n"], ids=["greeting", "EHLO"])
def test_a_server_that_trickles_is_broken_off(make_smtp, server, made, monkeypatch, greeting):
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
        thread.join(10)
    assert not isinstance(found, RefusedError)


# The server is left with half a connection, which it only lets go of when it is collected.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_a_connection_that_is_made_too_late_is_not_used(make_smtp, server, made, monkeypatch):
    class Late(smtp._Client):
        def _get_socket(self, *arguments):
            self._abort()
            return super()._get_socket(*arguments)

    monkeypatch.setattr(smtp, "_Client", Late)
    assert type(failure(make_smtp(server), made())) is OutageError
    assert server.box.mails == []
    gc.collect()


def test_no_timer_outlives_its_delivery(make_smtp, server, made):
    make_smtp(server).deliver(made())
    server.box.plan = {"connect": [DROP, "554 no"], "RCPT": [DROP]}
    for _ in range(3):
        failure(make_smtp(server), made())
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    failure(make_smtp(server, port=port), made())
    for thread in threading.enumerate():
        if isinstance(thread, threading.Timer):
            thread.join(5)
            assert not thread.is_alive()


def test_a_goodbye_that_is_not_answered_changes_nothing(make_smtp, server, made, monkeypatch):
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
    """The machine trusts the authority."""
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))


@pytest.fixture
def certified(authority):
    """A server's TLS, with a certificate for a name."""

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


def test_tls_from_the_first_byte(make_smtp, make_server, made, certified, trusted):
    server = make_server(tls=certified())
    make_smtp(server, security="tls").deliver(made())
    assert len(server.box.mails) == 1


@pytest.mark.parametrize("security", ["starttls", "tls"])
def test_a_certificate_of_nobody_known(make_smtp, make_server, made, certified, security):
    context = certified()
    server = make_server(**{"tls" if security == "tls" else "tls_context": context})
    found = failure(make_smtp(server, security=security), made())
    assert type(found) is SettingsRefusedError
    assert found.summary.endswith(": certificate not valid")
    assert server.box.mails == []


def test_a_certificate_of_another_name(make_smtp, make_server, made, certified, trusted):
    server = make_server(tls_context=certified("mx.example"))
    found = failure(make_smtp(server, security="starttls"), made())
    assert type(found) is SettingsRefusedError
    assert "Hostname mismatch" in found.answer


def test_nothing_goes_in_the_clear_where_tls_is_wanted(make_smtp, server, made):
    found = failure(make_smtp(server, security="starttls"), made())
    assert type(found) is SettingsRefusedError
    assert found.summary == "STARTTLS: not supported"
    assert server.box.mails == []


LOGIN = {"username": "shop", "password": Secret("Passphrase25")}


def test_a_login(make_smtp, make_server, made, certified, trusted):
    server = make_server(tls_context=certified(), auth_required=True, authenticator=authenticator)
    make_smtp(server, security="starttls", **LOGIN).deliver(made())
    assert len(server.box.mails) == 1


def test_a_login_that_is_refused_is_our_fault_and_not_told(
    make_smtp, make_server, made, certified, trusted
):
    server = make_server(tls_context=certified(), auth_required=True, authenticator=authenticator)
    wrong = {**LOGIN, "password": Secret("Secretive51")}
    found = failure(make_smtp(server, security="starttls", **wrong), made())
    assert type(found) is SettingsRefusedError
    assert found.summary == "AUTH: 535"
    assert "Secretive51" not in f"{found!r} {found.answer}"


def test_a_login_that_is_wanted_and_not_given(make_smtp, make_server, made, certified):
    server = make_server(tls_context=certified(), auth_required=True, authenticator=authenticator)
    found = failure(make_smtp(server), made())
    assert (type(found), found.summary) == (SettingsRefusedError, "MAIL FROM: 530")


def test_a_login_where_there_is_none(make_smtp, server, made):
    found = failure(make_smtp(server, **LOGIN), made())
    assert (type(found), found.summary) == (SettingsRefusedError, "AUTH: not supported")


def test_the_password_does_not_show(make_smtp, server):
    transport = make_smtp(server, **LOGIN)
    assert "Passphrase25" not in repr(dataclasses.asdict(transport._settings))
