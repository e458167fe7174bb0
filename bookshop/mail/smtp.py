"""Mail transport over SMTP: one connection per message, with a limit on every wait.

If the connection is lost after the message was sent and before the server has answered, it is
unknown whether the message was accepted. The answer is therefore awaited for as long as RFC 5321
(4.5.3.2) requires, and then the message is sent again: a duplicate, which mail systems detect by
its Message-ID, does less harm than a message that never arrives.
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

DATA_TIMEOUT = 600  # seconds that the server may take to accept a complete message
QUIT_TIMEOUT = 5  # seconds
MAX_DELIVERY_TIME = 720  # seconds after which a delivery is aborted
SERVICE_NOT_AVAILABLE = 421
AUTHENTICATION_REQUIRED = {503, 530}
MECHANISMS = {"PLAIN": "auth_plain", "LOGIN": "auth_login", "CRAM-MD5": "auth_cram_md5"}

Reply = tuple[int, bytes]


class _Client(smtplib.SMTP):
    """A connection that is aborted MAX_DELIVERY_TIME seconds after it was opened.

    The library limits each single wait, which does not stop a server that keeps sending bytes.
    """

    def __init__(self, *arguments: Any, **options: Any) -> None:
        self._timed_out = False
        self._timer = threading.Timer(MAX_DELIVERY_TIME, self._abort)
        self._timer.daemon = True
        self._timer.start()
        try:
            super().__init__(*arguments, **options)
        except BaseException:
            self._timer.cancel()
            raise

    def getreply(self) -> Reply:
        """Return the server's reply. Raises SMTPServerDisconnected, also on time-out."""
        if self._timed_out:
            self.close()
        if self.sock is None:
            raise smtplib.SMTPServerDisconnected("timed out")
        return super().getreply()

    def close(self) -> None:
        self._timer.cancel()
        super().close()

    def _abort(self) -> None:
        self._timed_out = True
        with suppress(OSError):  # the connection may have been closed meanwhile
            if self.sock is not None:
                # Shut down the socket below TLS, so that a blocked read returns.
                socket.socket.shutdown(self.sock, socket.SHUT_RDWR)


class _TlsClient(_Client, smtplib.SMTP_SSL):
    """A connection with implicit TLS."""


class Smtp:
    """Delivers to the mail server of the settings; `helo` is the host name sent with EHLO."""

    def __init__(self, settings: MailSettings, helo: str) -> None:
        self._settings = settings
        self._helo = helo

    def greet(self) -> None:
        """Connect and log in without sending a message. Raises DeliveryError."""
        with self._connected():
            pass

    def deliver(self, message: EmailMessage) -> None:
        """Return once the server has accepted the message. Raises DeliveryError."""
        (sender,) = message["From"].addresses
        (recipient,) = message["To"].addresses
        with self._connected() as client:
            options = []
            if not recipient.addr_spec.isascii():
                if not client.has_extn("smtputf8"):
                    raise RefusedError("SMTPUTF8: not supported", "required by the address")
                options = ["SMTPUTF8"]
            with _step("MAIL FROM"):
                _accept("MAIL FROM", client.mail(sender.addr_spec, options), SettingsRefusedError)
            with _step("RCPT TO"):
                reply = client.rcpt(recipient.addr_spec)
                _accept("RCPT TO", reply, _refusal_of_recipient(reply))
            with _step("DATA", RefusedError):
                _set_timeout(client, DATA_TIMEOUT)
                _accept("DATA", client.data(message.as_bytes()), RefusedError)

    @contextmanager
    def _connected(self) -> Iterator[_Client]:
        """Open a connection, with TLS and login as the settings require."""
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
            # A failing QUIT does not change what happened to the message.
            with suppress(OSError):
                _set_timeout(client, QUIT_TIMEOUT)
                client.quit()
            client.close()


def _log_in(client: _Client, username: str, password: Secret) -> None:
    """Log in with one mechanism.

    `SMTP.login` tries the other mechanisms after a refusal. Some servers disconnect then, which
    hides that the password was wrong.
    """
    offered_mechanisms = client.esmtp_features.get("auth", "").upper().split()
    mechanism = next((known for known in MECHANISMS if known in offered_mechanisms), None)
    if mechanism is None:
        raise smtplib.SMTPNotSupportedError("no supported login mechanism")
    client.user, client.password = username, password.reveal()
    client.auth(mechanism, getattr(client, MECHANISMS[mechanism]))


@contextmanager
def _step(
    name: str,
    refused: type[DeliveryError] = DeliveryError,
    *,
    lost: type[DeliveryError] = DeliveryError,
) -> Iterator[None]:
    """Convert smtplib's errors: `refused` for 5xx replies, `lost` for a lost connection."""
    try:
        yield
    except smtplib.SMTPResponseException as err:
        reply_text = err.smtp_error
        text = reply_text if isinstance(reply_text, bytes) else reply_text.encode()
        raise _error_of(name, (err.smtp_code, text), refused, lost) from err
    except smtplib.SMTPNotSupportedError as err:
        raise refused(f"{name}: not supported", str(err)) from err
    except ssl.SSLCertVerificationError as err:
        raise SettingsRefusedError(f"{name}: certificate not valid", err.verify_message) from err
    except OSError as err:  # smtplib's other errors are OSErrors
        raise lost(f"{name}: {type(err).__name__}", str(err)) from err


def _accept(name: str, reply: Reply, refused: type[DeliveryError]) -> None:
    """Raise the error that the reply means unless it is a success (2xx)."""
    if not 200 <= reply[0] < 300:  # noqa: PLR2004 - success replies
        raise _error_of(name, reply, refused, DeliveryError)


def _error_of(
    name: str, reply: Reply, refused: type[DeliveryError], deferred: type[DeliveryError]
) -> DeliveryError:
    """Return the error that a reply code means (RFC 5321, 4.2.1)."""
    code, answer = reply
    if code == SERVICE_NOT_AVAILABLE:
        deferred = OutageError
    kind = refused if code >= 500 else deferred  # noqa: PLR2004 - permanent failures
    return kind(f"{name}: {code}", answer.decode(errors="replace"))


def _refusal_of_recipient(reply: Reply) -> type[DeliveryError]:
    """Return the error of a permanent refusal at RCPT TO: usually the address is wrong."""
    code, answer = reply
    if code in AUTHENTICATION_REQUIRED:
        return SettingsRefusedError
    # A policy refusal (RFC 3463, X.7.X), such as "relaying denied", can be temporary.
    return DeliveryError if re.match(rb"5\.7\.\d", answer) else RefusedError


def _set_timeout(client: _Client, seconds: int) -> None:
    if client.sock is not None:
        client.sock.settimeout(seconds)
