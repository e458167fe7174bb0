"""The Nu HTML checker of the W3C finds no error in any page or style sheet."""

import json
import shutil
import subprocess
from pathlib import Path

import find_java
import find_node
import pytest

import bookshop
from tests.tour import STOPS, Tour

pytestmark = pytest.mark.detail

PACKAGES = Path(__file__).parents[1] / "pages"
STYLES = Path(bookshop.__file__).parent / "static"


def check(folder):
    """Return the checker's findings for the files in a folder: file, line, message, extract."""
    jar = find_node.packages(PACKAGES) / "vnu-jar/build/dist/vnu.jar"
    command = [find_java.find(), "-jar", jar, "--format", "json", "--also-check-css", folder]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
    return [
        f"{Path(finding['url']).name}:{finding.get('lastLine', 0)}: {finding['message']}"
        f" {finding.get('extract', '')!r}"
        for finding in json.loads(done.stderr)["messages"]
    ]


def test_pages_and_style_sheets_are_valid(shop, sandbox, tmp_path):
    tour = Tour(shop, sandbox)
    folder = tmp_path / "pages"
    folder.mkdir()
    for name in STOPS:
        (folder / f"{name}.html").write_text(tour.html(name), encoding="utf-8")
    for sheet in STYLES.glob("*.css"):
        shutil.copy(sheet, folder)

    assert check(folder) == []


def test_checker_reports_invalid_files(tmp_path):
    (tmp_path / "page.html").write_text(
        "<!doctype html><title>Two</title><main></main><main></main>"
    )
    (tmp_path / "sheet.css").write_text("p { colour: red }")

    found = "\n".join(check(tmp_path))

    assert "page.html" in found
    assert "sheet.css" in found
