"""A shop that commands work on."""

import logging
from pathlib import Path

import pytest
from click.testing import CliRunner

import bookshop
from bookshop.cli import main

ROOT = Path(__file__).parents[3]


@pytest.fixture(autouse=True)
def quiet():
    """Restore the root logger's handlers, which a command configures for its process."""
    before = logging.root.handlers[:]
    yield
    logging.root.handlers[:] = before


@pytest.fixture
def folder(tmp_path):
    """A shop's folder, with a space in its path."""
    path = tmp_path / "my shop"
    path.mkdir()
    return path


@pytest.fixture
def run(folder, database_url, monkeypatch):
    """Run a command on a shop; keyword arguments change its settings."""
    made = []

    def configured(section):
        made.append(bookshop.configure(section))
        return made[-1]

    monkeypatch.setattr("bookshop.cli.shop.configure", configured)

    def run(*words, url=database_url, columns="200", **changes):
        settings = {
            "pyramid.includes": "",
            "bookshop.var": f"{folder}/var",
            "sqlalchemy.url": url.render_as_string(hide_password=False).replace("%", "%%"),
            "bookshop.timezone": "UTC",  # of the listings in the database
            "stripe.secret_key": "sk_test_1",
            "stripe.publishable_key": "pk_test_1",
            "stripe.webhook_secrets": "whsec_1",
            **{name.replace("__", "."): value for name, value in changes.items()},
        }
        lines = "".join(f"{name} = {value}\n" for name, value in settings.items())
        ini = folder / "shop.ini"
        text = f"[app:main]\nuse = config:{ROOT}/development.ini\n{lines}"
        ini.write_text(text, encoding="utf-8")
        environment = {"COLUMNS": columns}
        return CliRunner().invoke(main, ["--config", str(ini), *words], env=environment)

    yield run
    for config in made:
        config.registry.services.payments.close()
        config.registry.services.engine.dispose()
