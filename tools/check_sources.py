"""Check that no file for a package manager names a package source.

Packages come from the registry that each machine is configured for. These files name packages,
versions and hashes, but no address, index or registry.
"""

from __future__ import annotations

import json
import os
import re
import sys
from collections.abc import Iterator
from pathlib import Path

PATTERNS = (
    "requirements*.*",
    "pyproject.toml",
    "setup.cfg",
    "package.json",
    "package-lock.json",
    "npm-shrinkwrap.json",
    ".npmrc",
    "pip.conf",
    "uv.toml",
    "uv.lock",
    "Makefile",
    ".ci/run",
    "tools/*.sh",
)
# Folders that tools create and git ignores.
IGNORED_FOLDERS = {".git", ".venv", "build", "dist", "node_modules", "var"}
_SOURCE = re.compile(
    r"--(?:extra-|default-)?index(?:-url)?\b|--find-links\b|--trusted-host\b|--registry\b"
    r"|^\s*(?:@[\w-]+:)?registry\s*=|^\s*-[if] |tool\.uv\.(?:index|sources)|\bindex-url\b"
)
_ADDRESS = re.compile(r"\b(?:https?|git|ssh)(?:\+\w+)?://(?!(?:localhost|127\.0\.0\.1)\b)\S+")
# npm copies these from each package's own metadata; nothing is fetched from them.
_PACKAGE_METADATA = {"funding", "homepage", "bugs", "repository"}


def sources(path: Path) -> Iterator[str]:
    """Yield each source that the file names, as `path: source`."""
    text = path.read_text(encoding="utf-8")
    if path.name in {"package-lock.json", "npm-shrinkwrap.json"}:
        text = "\n".join(_values(json.loads(text)))
    for line in text.splitlines():
        if match := _ADDRESS.search(line) or _SOURCE.search(line):
            yield f"{path}: {match[0].strip()}"


def _values(node: object) -> Iterator[str]:
    """Yield every string in a JSON document, without package metadata."""
    if isinstance(node, str):
        yield node
    elif isinstance(node, dict):
        for key, value in node.items():
            if key not in _PACKAGE_METADATA:
                yield from _values(value)
    elif isinstance(node, list):
        for value in node:
            yield from _values(value)


def package_files(root: Path) -> Iterator[Path]:
    """Yield the package managers' files in `root`."""
    for folder, inner, names in os.walk(root):
        inner[:] = sorted(set(inner) - IGNORED_FOLDERS)
        for path in (Path(folder, name) for name in sorted(names)):
            if any(path.match(pattern) for pattern in PATTERNS):
                yield path


def main() -> None:
    """Report on the package files below the current folder; exit 1 when one names a source."""
    files = list(package_files(Path()))
    named = [source for file in files for source in sources(file)]
    if named:
        sys.exit("\n".join([*named, "Remove these sources: each machine configures its own."]))
    print(f"{len(files)} package files name no source.")


if __name__ == "__main__":
    main()
