"""Personal data outside the database's rows: files of e-mails, and freed pages of the database."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from email import policy
from email.parser import HeaderParser
from email.utils import getaddresses
from pathlib import Path
from typing import Any

from sqlalchemy.engine import Engine
from sqlalchemy.exc import SQLAlchemyError

from bookshop.mail.addresses import address_key

TABLES = "orders, order_entries, refunds, mails, webhook_events, link_requests"


def find_mail_files(folder: Path | None, email: str) -> Iterator[tuple[Path, str]]:
    """Yield the files of e-mails to a customer, if e-mails are stored in a folder.

    Each comes with the left part of its Message-ID, by which the outbox knows the e-mail too.
    """
    key = address_key(email)
    for file in sorted(folder.glob("*.eml*")) if folder is not None else ():
        # As text, since an address beyond ASCII is stored in UTF-8 (RFC 6532).
        text = file.read_text("utf-8", errors="replace")
        message = HeaderParser(policy=policy.default).parsestr(text)
        recipients = getaddresses([str(value) for value in message.get_all("To", [])])
        if any(address_key(address) == key for _name, address in recipients):
            message_id = str(message["Message-ID"] or file.name)
            yield file, message_id.strip("<>").partition("@")[0]


def compact_database(engine: Engine) -> bool:
    """Remove deleted data from the database's files; False if other connections prevent it.

    On SQLite, writers wait meanwhile.
    """
    try:
        return _compact_sqlite(engine) if engine.dialect.name == "sqlite" else _vacuum(engine)
    except (SQLAlchemyError, sqlite3.OperationalError):
        return False


def _vacuum(engine: Engine) -> bool:
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.exec_driver_sql(f"VACUUM {TABLES}")
    return True


def _compact_sqlite(engine: Engine) -> bool:
    # The driver's connection, since VACUUM is not allowed within a transaction.
    driver: Any = engine.raw_connection()
    try:
        driver.execute("VACUUM")
        busy: int = driver.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]
    finally:
        driver.close()
    return not busy
