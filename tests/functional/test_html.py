"""Every page, and the shop's style sheets, before the Nu HTML checker, the W3C's: no finding."""

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
    """What the checker has to say of the files in a folder: file, line, sentence."""
    jar = find_node.packages(PACKAGES) / "vnu-jar/build/dist/vnu.jar"
    command = [find_java.find(), "-jar", jar, "--format", "json", "--also-check-css", folder]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
    return [
        f"{Path(told['url']).name}:{told.get('lastLine', 0)}: {told['message']}"
        f" {told.get('extract', '')!r}"
        for told in json.loads(done.stderr)["messages"]
    ]


def test_the_checker_finds_nothing(shop, sandbox, tmp_path):
    tour = Tour(shop, sandbox)
    folder = tmp_path / "pages"
    folder.mkdir()
    for name in STOPS:
        (folder / f"{name}.html").write_text(tour.html(name), encoding="utf-8")
    for sheet in STYLES.glob("*.css"):
        shutil.copy(sheet, folder)

    assert check(folder) == []


def test_what_is_wrong_is_found(tmp_path):
    (tmp_path / "page.html").write_text(
        "<!doctype html><title>Two</title><main></main><main></main>"
    )
    (tmp_path / "sheet.css").write_text("p { colour: red }")

    found = "\n".join(check(tmp_path))

    assert "page.html" in found
    assert "sheet.css" in found
