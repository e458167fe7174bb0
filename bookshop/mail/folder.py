"""Mail as files, for development: what would have been sent lies in a folder, ready to open."""

from __future__ import annotations

from email.message import EmailMessage
from pathlib import Path

from bookshop.mail.transport import DeliveryError


class Folder:
    """Writes each mail to an .eml file of its own. The same mail again is the same file."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def deliver(self, message: EmailMessage) -> None:
        """Write the message, whole or not at all. Raises DeliveryError."""
        written = message["Date"].datetime
        token = message["Message-ID"].strip("<>").partition("@")[0]
        name = f"{written:%Y%m%dT%H%M%S}-{token}.eml"
        part = self._path / f"{name}.part"
        try:
            self._path.mkdir(parents=True, exist_ok=True)
            part.write_bytes(message.as_bytes())
            part.replace(self._path / name)
        except OSError as err:
            summary = f"mail.folder: {err.strerror or type(err).__name__}"
            raise DeliveryError(summary, str(err)) from err
