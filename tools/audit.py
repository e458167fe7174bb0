"""Check the shop's dependencies for known vulnerabilities, with PyPI's advisory database.

Without access to the database, `python tools/audit.py` prints that nothing was checked and exits
with 0, since that is not a fault of the project.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

LOCK = Path(__file__).parents[1] / "requirements.lock"
TIMEOUT = 60  # seconds
UNREACHABLE = """\
==> NOT AUDITED: the advisory database could not be reached ({reason}).
    Nothing is known about vulnerabilities of the dependencies. Run `make security` with access."""


def findings(report: str) -> list[str]:
    """Return a line for each vulnerability in pip-audit's JSON."""
    return [
        f"{package['name']} {package['version']}: {each['id']}"
        f" (fixed in {', '.join(each['fix_versions']) or 'no release yet'})"
        for package in json.loads(report)["dependencies"]
        for each in package.get("vulns", ())
    ]


def skipped(report: str) -> list[str]:
    """Return the packages that could not be checked."""
    dependencies = json.loads(report)["dependencies"]
    return [package["name"] for package in dependencies if "skip_reason" in package]


def audit(lock: Path = LOCK) -> tuple[list[str], str | None]:
    """Return the vulnerabilities of a lock file, or why it could not be checked."""
    command = [sys.executable, "-m", "pip_audit", "--requirement", str(lock), "--disable-pip"]
    command += [
        "--require-hashes",
        "--format",
        "json",
        "--progress-spinner",
        "off",
        "--timeout",
        "5",
    ]
    try:
        run = subprocess.run(command, capture_output=True, text=True, check=False, timeout=TIMEOUT)
    except subprocess.TimeoutExpired:
        return [], f"no answer within {TIMEOUT} seconds"
    try:
        # Without its index pip-audit calls each package unknown and reports success.
        unknown = skipped(run.stdout)
        return findings(run.stdout), f"no data about {len(unknown)} packages" if unknown else None
    except (ValueError, KeyError):
        lines = run.stderr.strip().splitlines()
        return [], lines[-1][:200] if lines else f"exit code {run.returncode}"


def main() -> None:
    """Print the findings; exit code 1 if a dependency is vulnerable."""
    vulnerabilities, reason = audit()
    for line in vulnerabilities:
        print(line)
    if reason:
        print(UNREACHABLE.format(reason=reason))
    if vulnerabilities:
        sys.exit("Update the lock file: make lock UPGRADE=1")
    if not reason:
        print("==> No dependency has a known vulnerability")


if __name__ == "__main__":
    main()
