"""The INI as it was written: which file and line sets a key, also through `use = config:…`."""

from __future__ import annotations

import configparser
import re
from dataclasses import dataclass
from pathlib import Path

APP, SERVER, DEFAULT = "app:main", "server:main", "DEFAULT"
MAX_INHERITANCE = 10  # files that inherit from one another
_HEADER = re.compile(r"\s*\[(?P<section>[^]]+)\]")
_LINE = re.compile(r"(?P<key>[^\s=:#;][^=:]*?)\s*[=:]")
_INHERITED = re.compile(r"config:(?P<file>[^#]+)(#(?P<name>.+))?")


@dataclass(frozen=True)
class Place:
    """A line of a file, counted from 1."""

    file: Path
    line: int


class Ini:
    """An INI file, and the files that its sections inherit from."""

    def __init__(self, path: Path) -> None:
        """Read the files. Raises configparser.Error and OSError."""
        self.path = path
        self._layers = {name: _read_layers(path, name) for name in (APP, SERVER)}

    def section(self, name: str) -> dict[str, str]:
        """Return a section's values, inherited ones included; variables are not replaced."""
        merged: dict[str, str] = {}
        for _file, _section, values in reversed(self._layers[name]):
            merged |= values
        return merged

    def place(self, key: str, section: str = APP) -> Place:
        """Return the line that sets a key, or the header of the section where it is missing."""
        for names in ((key, f"{key}_file"), (None,)):
            for file, section_name, _values in self._layers[section]:
                for name in names:
                    line = _find_line(file, section_name, name)
                    if line is None and name is not None:
                        line = _find_line(file, DEFAULT, name)
                    if line is not None:
                        return Place(file, line)
        return Place(self.path, 1)


def _read_layers(path: Path, section: str) -> list[tuple[Path, str, dict[str, str]]]:
    """Return file, section name and values, for the file itself and then what it inherits from."""
    layers: list[tuple[Path, str, dict[str, str]]] = []
    kind = section.partition(":")[0]
    while len(layers) < MAX_INHERITANCE and path.is_file():
        parser = configparser.ConfigParser({"here": str(path.parent)}, strict=False)
        parser.optionxform = str  # type: ignore[assignment,method-assign]
        parser.read(path, encoding="utf-8")
        if not parser.has_section(section):
            break
        values = dict(parser.items(section))
        layers.append((path, section, values))
        inherited = _INHERITED.fullmatch(values.get("use", ""))
        if not inherited:
            break
        path = (path.parent / inherited["file"].strip()).resolve()
        section = f"{kind}:{inherited['name'] or 'main'}"
    return layers


def _find_line(file: Path, section: str, key: str | None) -> int | None:
    """Return the line of a key in a section; of the section's header if `key` is None."""
    inside = False
    for number, line in enumerate(file.read_text(encoding="utf-8").splitlines(), 1):
        if header := _HEADER.match(line):
            inside = header["section"].strip() == section
            if inside and key is None:
                return number
        elif inside and key is not None and (match := _LINE.match(line)) and match["key"] == key:
            return number
    return None
