"""`bookshop new` works from an installed package too."""

import tomllib
from glob import glob
from pathlib import Path

from bookshop.starter import TEMPLATE

PROJECT = tomllib.loads((Path(__file__).parents[3] / "pyproject.toml").read_text(encoding="utf-8"))


def test_every_file_of_the_template_is_in_the_package():
    patterns = PROJECT["tool"]["setuptools"]["package-data"]["bookshop"]
    packed = {
        file
        for pattern in patterns
        for file in glob(pattern, root_dir=TEMPLATE.parent, recursive=True)  # noqa: PTH207 - as setuptools
    }
    files = {
        file.relative_to(TEMPLATE.parent).as_posix()
        for file in TEMPLATE.rglob("*")
        if file.is_file() and file.suffix != ".pyc"
    }
    assert any(file.endswith("/.gitignore") for file in files)
    assert files <= packed
