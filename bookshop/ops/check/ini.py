"""An INI as it was written: which file and line says what, through `use = config:…`."""

from __future__ import annotations

import configparser
import re
from dataclasses import dataclass
from pathlib import Path

APP, SERVER, DEFAULT = "app:main", "server:main", "DEFAULT"
_HEADER = re.compile(r"\s*\[(?P<section>[^]]+)\]")
_LINE = re.compile(r"(?P<key>[^\s=:#;][^=:]*?)\s*[=:]")
_INHERITED = re.compile(r"config:(?P<file>[^#]+)(#(?P<name>.+))?")
DEEPEST = 10  # files that inherit from one another


@dataclass(frozen=True)
class Place:
    """A line of a file, counted from 1."""

    file: Path
    line: int

    def __str__(self) -> str:
        return f"{self.file.name}:{self.line}"


class Ini:
    """A file, and those that its sections inherit from."""

    def __init__(self, path: Path) -> None:
        """Raises configparser.Error and OSError where it cannot be read."""
        self.path = path
        self._values = {name: _chain(path, name) for name in (APP, SERVER)}

    def section(self, name: str) -> dict[str, str]:
        """What a section says, inherited or not; variables are not filled in."""
        merged: dict[str, str] = {}
        for _file, _section, found in reversed(self._values[name]):
            merged |= found
        return merged

    def place(self, key: str, section: str = APP) -> Place:
        """Where a key is given; where it is not, the section that it belongs in."""
        for names in ((key, f"{key}_file"), (None,)):
            for file, written_as, _values in self._values[section]:
                for name in names:
                    line = _line(file, written_as, name)
                    if line is None and name is not None:
                        line = _line(file, DEFAULT, name)
                    if line is not None:
                        return Place(file, line)
        return Place(self.path, 1)


def _chain(path: Path, section: str) -> list[tuple[Path, str, dict[str, str]]]:
    """The file and those that its section inherits from: what it is called there, and says."""
    found: list[tuple[Path, str, dict[str, str]]] = []
    kind = section.partition(":")[0]
    while len(found) < DEEPEST and path.is_file():
        parser = configparser.ConfigParser({"here": str(path.parent)}, strict=False)
        parser.optionxform = str  # type: ignore[assignment,method-assign]
        parser.read(path, encoding="utf-8")
        if not parser.has_section(section):
            break
        values = dict(parser.items(section))
        found.append((path, section, values))
        inherited = _INHERITED.fullmatch(values.get("use", ""))
        if not inherited:
            break
        path = (path.parent / inherited["file"].strip()).resolve()
        section = f"{kind}:{inherited['name'] or 'main'}"
    return found


def _line(file: Path, section: str, key: str | None) -> int | None:
    """The line of a key, or of the section's header where it is None."""
    inside = False
    for number, line in enumerate(file.read_text(encoding="utf-8").splitlines(), 1):
        if header := _HEADER.match(line):
            inside = header["section"].strip() == section
            if inside and key is None:
                return number
        elif inside and key is not None and (given := _LINE.match(line)) and given["key"] == key:
            return number
    return None
