"""Mail transport for development: each message becomes a file in a folder."""

from __future__ import annotations

from email.message import EmailMessage
from pathlib import Path

from bookshop.mail.transport import DeliveryError
from bookshop.private_files import make_private_folder, replace_private_file


class Folder:
    """Writes each message to its own .eml file; the same message again replaces the same file.

    Only the owner can read them.
    """

    def __init__(self, path: Path) -> None:
        self._path = path

    def deliver(self, message: EmailMessage) -> None:
        """Write the file atomically. Raises DeliveryError."""
        written_at = message["Date"].datetime
        message_id = message["Message-ID"].strip("<>").partition("@")[0]
        name = f"{written_at:%Y%m%dT%H%M%S}-{message_id}.eml"
        temporary = self._path / f"{name}.part"
        try:
            make_private_folder(self._path)
            with replace_private_file(temporary) as file:
                file.write(message.as_bytes())
            temporary.replace(self._path / name)
        except OSError as err:
            summary = f"mail.folder: {err.strerror or type(err).__name__}"
            raise DeliveryError(summary, str(err)) from err
