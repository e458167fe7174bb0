"""Folders and files: whether they are there, can be written to, and are kept from others."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryFile

from bookshop.ops.check.findings import Finding, error, warning
from bookshop.ops.check.ini import APP, Ini
from bookshop.ops.health import LEAST_ROOM
from bookshop.settings import KEYS, Settings

EVERYBODY = 0o007  # a group may read: it is how a service is often given its secrets


def run_checks(settings: Settings, ini: Ini) -> Iterator[Finding]:
    """All that is to be said of folders and files."""
    shop = settings.shop
    yield from _folder("bookshop.var", shop.var, "the shop keeps covers and more there")
    if settings.mail.folder:
        yield from _folder("mail.folder", settings.mail.folder, "mails are kept there")
    if shop.maintenance.exists():
        yield warning(
            "bookshop.var",
            "the shop is closed: every page says so",
            f"rm {shop.maintenance}",
            "nobody can buy",
        )
    section = ini.section(APP)
    for name, key in KEYS.items():
        file = Path(section.get(f"{name}_file", "")) if key.secret else Path()
        if file.is_file():
            yield from open_to_all(name, file, "whoever has it can act for the shop")
        value = section.get(name, "")
        if name == "sqlalchemy.url" and not settings.database.password:
            continue  # it opens nothing by itself
        if key.secret and value and "${" not in value and shop.environment != "development":
            place = ini.place(name).file
            if place.stat().st_mode & EVERYBODY:
                yield warning(
                    name,
                    f"stands in {place.name}, which everybody on this machine can read",
                    f"chmod o= {place}, or {name}_file = …",
                    "whoever has it can act for the shop",
                )


def open_to_all(key: str, file: Path, why: str) -> Iterator[Finding]:
    """Whether everybody on this machine may read a file that tells what only the shop may know."""
    if file.stat().st_mode & EVERYBODY:
        problem = f"{file} can be read by everybody on this machine"
        yield warning(key, problem, f"chmod o= {file}", why)


def _folder(key: str, folder: Path, why: str) -> Iterator[Finding]:
    there = folder
    try:
        while not there.exists():
            there = there.parent  # it is made when it is first needed
        with TemporaryFile(dir=there):
            pass
    except OSError:
        fix = f"chown the user that runs the shop {there}, or {key} = …"
        yield error(key, f"{there} cannot be written to", fix, why)
        return
    if shutil.disk_usage(there).free < LEAST_ROOM:
        problem = f"the disk of {there} is nearly full"
        yield warning(key, problem, "make room on it", "a full disk stops the shop")
