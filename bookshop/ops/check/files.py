"""Checks of folders and files: writable, enough space, secrets not readable by everyone."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryFile

from bookshop.ops.check.findings import Finding, error, warning
from bookshop.ops.check.ini import APP, Ini
from bookshop.ops.health import MIN_FREE_BYTES
from bookshop.settings import KEYS, Settings

OTHERS = 0o007  # mode bits; a group may have access, since services often get secrets that way
READABLE = "anyone who reads it can act for the shop"


def run_checks(settings: Settings, ini: Ini) -> Iterator[Finding]:
    """Yield all findings about folders and files."""
    shop = settings.shop
    why = "the shop cannot store covers and other files"
    yield from _check_folder("bookshop.var", shop.var, why)
    if settings.mail.folder:
        yield from _check_folder("mail.folder", settings.mail.folder, "e-mails cannot be stored")
        if settings.mail.folder.exists():
            why = "e-mails contain links to orders"
            yield from check_file_mode("mail.folder", settings.mail.folder, why)
    if shop.maintenance.exists():
        yield warning(
            "closed_for_maintenance",
            "bookshop.var",
            "every page shows the maintenance page",
            f"rm {shop.maintenance}",
            "customers cannot buy",
        )
    yield from _check_secrets(settings, ini)


def _check_secrets(settings: Settings, ini: Ini) -> Iterator[Finding]:
    section = ini.section(APP)
    for name in [name for name, key in KEYS.items() if key.secret]:
        file = Path(section.get(f"{name}_file", ""))
        if file.is_file():
            yield from check_file_mode(name, file, READABLE)
        if name == "sqlalchemy.url" and not settings.database.password:
            continue  # not a secret without a password
        value = section.get(name, "")
        if value and "${" not in value and settings.shop.environment != "development":
            path = ini.place(name).file
            if path.stat().st_mode & OTHERS:
                yield warning(
                    "ini_readable_by_all",
                    name,
                    f"is written in {path.name}, which every user of this machine can read",
                    f"chmod o= {path}, or {name}_file = …",
                    READABLE,
                )


def check_file_mode(key: str, file: Path, why: str) -> Iterator[Finding]:
    """Yield a finding if every user of this machine can read or write the file."""
    if file.stat().st_mode & OTHERS:
        problem = f"every user of this machine can read {file}"
        yield warning("file_readable_by_all", key, problem, f"chmod o= {file}", why)


def _check_folder(key: str, folder: Path, why: str) -> Iterator[Finding]:
    existing = folder
    try:
        while not existing.exists():
            existing = existing.parent  # the shop makes the folder when it first needs it
        with TemporaryFile(dir=existing):
            pass
    except OSError:
        fix = f"chown USER {existing} with the user that runs the shop, or {key} = …"
        yield error("folder_not_writable", key, f"{existing} is not writable", fix, why)
        return
    if shutil.disk_usage(existing).free < MIN_FREE_BYTES:
        problem = f"the disk of {existing} is almost full"
        why = "a full disk stops the shop"
        yield warning("disk_almost_full", key, problem, "free space on that disk", why)
