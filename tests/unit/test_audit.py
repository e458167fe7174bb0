"""What the audit of dependencies says, and that it never passes without having asked."""

import json
import subprocess
from types import SimpleNamespace

import audit
import pytest

FINE = {"name": "waitress", "version": "3.0.2", "vulns": []}
VULNERABLE = {
    "name": "waitress",
    "version": "1.0",
    "vulns": [{"id": "PYSEC-2024-1", "fix_versions": ["3.0.2"]}],
}
UNKNOWN = {"name": "waitress", "skip_reason": "Dependency not found on PyPI"}


@pytest.fixture
def said(monkeypatch):
    """Has pip-audit say something of these packages."""

    def say(*packages, stderr=""):
        report = json.dumps({"dependencies": packages}) if packages else ""
        done = SimpleNamespace(stdout=report, stderr=stderr, returncode=1)
        monkeypatch.setattr(subprocess, "run", lambda *_words, **_options: done)

    return say


def test_audit_passes_without_known_vulnerabilities(said, capsys):
    said(FINE)
    audit.main()
    assert "No dependency has a known vulnerability" in capsys.readouterr().out


def test_a_vulnerable_dependency_fails_the_audit(said, capsys):
    said(FINE, VULNERABLE)
    with pytest.raises(SystemExit, match="make lock UPGRADE=1"):
        audit.main()
    assert "waitress 1.0: PYSEC-2024-1 (fixed in 3.0.2)" in capsys.readouterr().out


@pytest.mark.parametrize("packages", [(UNKNOWN,), (FINE, UNKNOWN), ()])
def test_without_network_access_the_audit_is_reported_as_not_done(said, capsys, packages):
    said(*packages, stderr="ConnectionError: no route")
    audit.main()
    out = capsys.readouterr().out
    assert "NOT AUDITED" in out
    assert "No dependency has" not in out


def test_audit_that_times_out_is_reported_as_not_done(monkeypatch, capsys):
    def hang(*words, timeout, **_options):
        raise subprocess.TimeoutExpired(words, timeout)

    monkeypatch.setattr(subprocess, "run", hang)
    audit.main()
    assert "NOT AUDITED" in capsys.readouterr().out
