"""Mail over SMTP: one connection for each mail, every wait bounded, every refusal understood.

When the connection is lost after the message has gone out and before the server has answered,
nobody can know whether it was taken. So that answer is waited for as long as RFC 5321 (4.5.3.2)
asks, and then the mail is tried again after all: one that comes twice, under the one Message-ID
by which mail systems tell copies, does less harm than one that never comes.
"""

from __future__ import annotations

import re
import smtplib
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from email.message import EmailMessage
from typing import Any

from bookshop.mail.transport import (
    DeliveryError,
    OutageError,
    RefusedError,
    SettingsRefusedError,
)
from bookshop.settings import MailSettings
from bookshop.settings.parsers import Secret

FINAL_WAIT = 600  # seconds that the server may take to accept a message it has been given whole
QUIT_WAIT = 5
LONGEST = 720  # seconds after which a delivery is broken off, whatever it is waiting for
NOT_NOW = 421
LOGIN_FIRST = {503, 530}
MECHANISMS = {"PLAIN": "auth_plain", "LOGIN": "auth_login", "CRAM-MD5": "auth_cram_md5"}

Reply = tuple[int, bytes]


class _Client(smtplib.SMTP):
    """A connection that is broken off LONGEST after it was begun.

    The library bounds each wait, and so not a server that sends a byte now and then.
    """

    def __init__(self, *arguments: Any, **options: Any) -> None:
        self._overdue = False
        self._timer = threading.Timer(LONGEST, self._break_off)
        self._timer.daemon = True
        self._timer.start()
        try:
            super().__init__(*arguments, **options)
        except BaseException:
            self._timer.cancel()
            raise

    def getreply(self) -> Reply:
        """The server's answer. Raises SMTPServerDisconnected, also where time is up."""
        if self._overdue:
            self.close()
        if self.sock is None:
            raise smtplib.SMTPServerDisconnected("broken off")
        return super().getreply()

    def close(self) -> None:
        self._timer.cancel()
        super().close()

    def _break_off(self) -> None:
        self._overdue = True
        with suppress(OSError):  # it may have ended by itself a moment ago
            if self.sock is not None:
                # Past TLS: whoever waits for the other side is woken.
                socket.socket.shutdown(self.sock, socket.SHUT_RDWR)


class _TlsClient(_Client, smtplib.SMTP_SSL):
    """The same, with TLS from its first byte."""


class Smtp:
    """The mail server of the settings. `helo` is the name that the shop goes by."""

    def __init__(self, settings: MailSettings, helo: str) -> None:
        self._settings = settings
        self._helo = helo

    def greet(self) -> None:
        """See that the server would take a mail, and send none. Raises DeliveryError."""
        with self._connected():
            pass

    def deliver(self, message: EmailMessage) -> None:
        """Hand the message over; the server has taken it on return. Raises DeliveryError."""
        (sender,) = message["From"].addresses
        (recipient,) = message["To"].addresses
        with self._connected() as client:
            options = []
            if not recipient.addr_spec.isascii():
                if not client.has_extn("smtputf8"):
                    raise RefusedError("SMTPUTF8: not supported", "the address needs it")
                options = ["SMTPUTF8"]
            with _step("MAIL FROM"):
                _accept("MAIL FROM", client.mail(sender.addr_spec, options), SettingsRefusedError)
            with _step("RCPT TO"):
                reply = client.rcpt(recipient.addr_spec)
                _accept("RCPT TO", reply, _refusal_of_recipient(reply))
            with _step("DATA", RefusedError):
                _wait(client, FINAL_WAIT)
                _accept("DATA", client.data(message.as_bytes()), RefusedError)

    @contextmanager
    def _connected(self) -> Iterator[_Client]:
        """A connection that is ready for a mail."""
        settings = self._settings
        options: dict[str, Any] = {"local_hostname": self._helo, "timeout": settings.timeout}
        with _step("connect", SettingsRefusedError, lost=OutageError):
            if settings.security == "tls":
                options["context"] = ssl.create_default_context()
            kind = _TlsClient if settings.security == "tls" else _Client
            client = kind(settings.host, settings.port, **options)
        try:
            with _step("EHLO", SettingsRefusedError, lost=OutageError):
                client.ehlo_or_helo_if_needed()
            if settings.security == "starttls":
                with _step("STARTTLS", SettingsRefusedError, lost=OutageError):
                    client.starttls(context=ssl.create_default_context())
                    client.ehlo_or_helo_if_needed()
            if settings.username and settings.password:
                with _step("AUTH", SettingsRefusedError, lost=OutageError):
                    _log_in(client, settings.username, settings.password)
            yield client
        finally:
            # What the server has said of the mail holds, however it says goodbye.
            with suppress(OSError):
                _wait(client, QUIT_WAIT)
                client.quit()
            client.close()


def _log_in(client: _Client, username: str, password: Secret) -> None:
    """Log in by one mechanism.

    The library's own way tries the others after a refusal, which some servers hang up on; then
    nobody learns that it was the password.
    """
    offered = client.esmtp_features.get("auth", "").upper().split()
    mechanism = next((known for known in MECHANISMS if known in offered), None)
    if mechanism is None:
        raise smtplib.SMTPNotSupportedError("the server offers no login that we know")
    client.user, client.password = username, password.reveal()
    client.auth(mechanism, getattr(client, MECHANISMS[mechanism]))


@contextmanager
def _step(
    name: str,
    refused: type[DeliveryError] = DeliveryError,
    *,
    lost: type[DeliveryError] = DeliveryError,
) -> Iterator[None]:
    """Put what the library raises into our errors: `refused` is for 5xx, `lost` for silence."""
    try:
        yield
    except smtplib.SMTPResponseException as err:
        answer = err.smtp_error
        text = answer if isinstance(answer, bytes) else answer.encode()
        raise _fault(name, (err.smtp_code, text), refused, lost) from err
    except smtplib.SMTPNotSupportedError as err:
        raise refused(f"{name}: not supported", str(err)) from err
    except ssl.SSLCertVerificationError as err:
        raise SettingsRefusedError(f"{name}: certificate not valid", err.verify_message) from err
    except OSError as err:  # all others of smtplib's are OSErrors, too
        raise lost(f"{name}: {type(err).__name__}", str(err)) from err


def _accept(name: str, reply: Reply, refused: type[DeliveryError]) -> None:
    """Go on where the server said yes; raises what it means otherwise."""
    if not 200 <= reply[0] < 300:  # noqa: PLR2004 - the class of codes that say yes
        raise _fault(name, reply, refused, DeliveryError)


def _fault(
    name: str, reply: Reply, refused: type[DeliveryError], deferred: type[DeliveryError]
) -> DeliveryError:
    """What an answer's code means (RFC 5321, 4.2.1)."""
    code, answer = reply
    if code == NOT_NOW:
        deferred = OutageError
    kind = refused if code >= 500 else deferred  # noqa: PLR2004 - the class of lasting refusals
    return kind(f"{name}: {code}", answer.decode(errors="replace"))


def _refusal_of_recipient(reply: Reply) -> type[DeliveryError]:
    """What a lasting refusal at RCPT TO is about: usually that address, sometimes us."""
    code, answer = reply
    if code in LOGIN_FIRST:
        return SettingsRefusedError
    # Policy (RFC 3463, X.7.X), such as "relaying denied", may be mended on either side.
    return DeliveryError if re.match(rb"5\.7\.\d", answer) else RefusedError


def _wait(client: _Client, seconds: int) -> None:
    if client.sock is not None:
        client.sock.settimeout(seconds)
