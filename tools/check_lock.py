"""Check, without a network, that the lock files match pyproject.toml.

They are stale if a dependency is not locked for some Python and platform, or is locked outside its
bounds; if pyproject.toml no longer requires a locked package; if a line has no hash or names a
source; or if the files lock a package at different versions. `make lock` updates them.
"""

from __future__ import annotations

import re
import sys
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

# Each lock file, with the extras that it includes.
LOCKS: Mapping[str, Sequence[str]] = {
    "requirements.lock": ("postgresql",),
    "requirements-test.lock": ("postgresql", "test"),
}
# The lock file of a dependency group. Its packages are installed one by one, when needed.
PROGRAMS, GROUP = "requirements-programs.lock", "programs"
ENVIRONMENTS = [
    {
        "python_version": python,
        "python_full_version": f"{python}.9",
        "sys_platform": platform,
        "platform_system": {"linux": "Linux", "darwin": "Darwin", "win32": "Windows"}[platform],
        "implementation_name": "cpython",
        "platform_python_implementation": "CPython",
        "extra": "",
    }
    for python in ("3.11", "3.12", "3.13", "3.14")
    for platform in ("linux", "darwin", "win32")
]
_VIA_PROJECT = re.compile(r"^ +# .*\(pyproject\.toml(?::\w+)?\)$", re.MULTILINE)


@dataclass(frozen=True)
class Pin:
    """One package of a lock file: `name==version ; marker`.

    `hashed` is true if it has hashes, `direct` if pyproject.toml requires it itself.
    """

    requirement: Requirement
    hashed: bool
    direct: bool

    @property
    def name(self) -> str:
        return canonicalize_name(self.requirement.name)

    @property
    def version(self) -> str:
        return next((s.version for s in self.requirement.specifier if s.operator == "=="), "")

    def covers(self, environment: Mapping[str, str]) -> bool:
        marker = self.requirement.marker
        return marker is None or marker.evaluate(dict(environment))


def required(pyproject: Mapping[str, object], extras: Sequence[str]) -> list[Requirement]:
    """Return the requirements of the project with `extras`, without those on the project itself."""
    project = pyproject["project"]
    assert isinstance(project, dict)  # noqa: S101 - TOML's [project]  # nosec B101
    lines = list(project.get("dependencies", []))
    for extra in extras:
        lines += project["optional-dependencies"][extra]
    requirements = [Requirement(line) for line in lines]
    own = canonicalize_name(project["name"])
    return [one for one in requirements if canonicalize_name(one.name) != own]


def read_pins(text: str) -> Iterator[Pin | str]:
    """Yield the pins of a lock file's text, and each line that is not `name==version`."""
    entries = re.split(r"^(?=[^\s#])", text, flags=re.MULTILINE)[1:]
    for entry in entries:
        line = entry.splitlines()[0].removesuffix("\\").strip()
        try:
            requirement = Requirement(line)
        except InvalidRequirement:
            yield line
            continue
        yield Pin(requirement, "--hash=" in entry, bool(_VIA_PROJECT.search(entry)))


def problems(requirements: Sequence[Requirement], text: str) -> Iterator[str]:
    """Yield the problems of a lock file."""
    pins = []
    for pin in read_pins(text):
        if isinstance(pin, str):
            yield f"{pin}: not a package at a version"
        elif pin.requirement.url or not pin.version:
            yield f"{pin.requirement}: not pinned to a version"
        else:
            pins.append(pin)
            if not pin.hashed:
                yield f"{pin.name}: has no hash"
    for requirement in requirements:
        yield from sorted(set(_unsatisfied(requirement, pins)))
    names = {canonicalize_name(requirement.name) for requirement in requirements}
    for name in sorted({pin.name for pin in pins if pin.direct} - names):
        yield f"{name}: locked, but pyproject.toml no longer requires it"


def _unsatisfied(requirement: Requirement, pins: Sequence[Pin]) -> Iterator[str]:
    name = canonicalize_name(requirement.name)
    for environment in ENVIRONMENTS:
        if requirement.marker and not requirement.marker.evaluate(dict(environment)):
            continue
        locked = [pin for pin in pins if pin.name == name and pin.covers(environment)]
        where = f"Python {environment['python_version']} on {environment['sys_platform']}"
        if len(locked) != 1:
            yield f"{requirement}: locked {len(locked)} times for {where}"
        elif not requirement.specifier.contains(locked[0].version, prereleases=True):
            yield f"{requirement}: locked at {locked[0].version}"


def disagreements(texts: Mapping[str, str]) -> Iterator[str]:
    """Yield the packages of the smaller lock files that the last, largest one does not have."""
    pins = {
        file: {str(pin.requirement) for pin in read_pins(text) if isinstance(pin, Pin)}
        for file, text in texts.items()
    }
    *smaller, largest = pins
    for file in smaller:
        for requirement in sorted(pins[file] - pins[largest]):
            yield f"{file} has {requirement}, but {largest} does not"


def check(root: Path) -> list[str]:
    """Return the problems of the lock files in `root`."""
    pyproject = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))
    missing = [file for file in (*LOCKS, PROGRAMS) if not (root / file).exists()]
    if missing:
        return [f"{file}: missing" for file in missing]
    texts = {file: (root / file).read_text(encoding="utf-8") for file in LOCKS}
    lines = [
        f"{file}: {problem}"
        for file, extras in LOCKS.items()
        for problem in problems(required(pyproject, extras), texts[file])
    ]
    programs = [Requirement(line) for line in pyproject["dependency-groups"][GROUP]]
    locked = (root / PROGRAMS).read_text(encoding="utf-8")
    lines += [f"{PROGRAMS}: {problem}" for problem in problems(programs, locked)]
    return lines + list(disagreements(texts))


def main() -> None:
    """Report on the lock files of the current folder; exit 1 when they are stale."""
    lines = check(Path())
    if lines:
        sys.exit("\n".join([*lines, "The lock files are stale. Update them: make lock"]))
    print("The lock files match pyproject.toml.")


if __name__ == "__main__":
    main()
