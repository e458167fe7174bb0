"""Template globals and filters, and the build token of cached pages."""

import re

import pytest
from jinja2 import UndefinedError
from pyramid.events import BeforeRender
from pyramid.testing import DummyRequest

import bookshop
from bookshop.money import Money
from bookshop.web import rendering
from bookshop.web.rendering import add_globals, build_token
from tests.shops import ini


@pytest.fixture
def config(tmp_path, sqlite_url):
    settings = {"sqlalchemy__url": str(sqlite_url), "bookshop__locale": "de_DE"}
    config = bookshop.configure(ini(tmp_path, "http://localhost:1", **settings))
    config.begin()
    yield config
    config.end()
    config.registry.services.payments.close()
    config.registry.services.engine.dispose()


@pytest.fixture
def template(config):
    """A template from its text."""
    return config.get_jinja2_environment().from_string


def test_money_is_formatted_in_the_shops_locale(template):
    written = template("{{ amount | money }}").render(amount=Money(129900, "EUR"))
    assert written == "1.299,00\N{NO-BREAK SPACE}€"


def test_undefined_variables_raise(template):
    with pytest.raises(UndefinedError):
        template("{{ nothing }}").render()


def test_values_are_escaped(template):
    assert template("{{ title }}").render(title="<b>&") == "&lt;b&gt;&amp;"


@pytest.mark.parametrize("mounted", ["", "/shop"])
def test_addresses_include_script_name(config, mounted):
    request = DummyRequest(script_name=mounted)
    request.registry = config.registry
    values = BeforeRender({"request": request})
    add_globals(values)
    assert values["urls"].home == f"{mounted}/"
    assert values["urls"].books == f"{mounted}/books/"
    assert values["shop"] is config.registry.services.settings.shop


@pytest.mark.parametrize("mounted", ["", "/shop"])
def test_assets_have_hashed_paths(config, mounted):
    request = DummyRequest(script_name=mounted)
    request.registry = config.registry
    values = BeforeRender({"request": request})
    add_globals(values)
    address = values["asset"]("base.css")
    assert re.fullmatch(rf"{mounted}/static/base\.[0-9a-f]{{16}}\.css", address)
    with pytest.raises(KeyError):
        values["asset"]("missing.css")


def test_rendering_without_a_request_adds_no_globals():
    values = BeforeRender({"request": None})
    add_globals(values)
    assert "urls" not in values


# --- the build token


def token_of(config):
    found = config.registry.services
    return build_token(found.settings.shop, found.static_files)


def test_the_build_token_changes_with_shown_settings(configure):
    tokens = [
        token_of(configure(**changes))
        for changes in (
            {},
            {"bookshop__name": "Another Shop"},
            {"bookshop__url": "http://localhost:7000"},
            {"bookshop__locale": "de_DE"},
            {"bookshop__currency": "EUR"},
            {"bookshop__email": "other@shop.example"},
        )
    ]
    assert len(set(tokens)) == len(tokens)
    assert all(re.fullmatch("[0-9a-f]{12}", token) for token in tokens)
    assert token_of(configure()) == tokens[0]


@pytest.fixture
def package(tmp_path, monkeypatch):
    """The folder of a package with one template, in place of the shop's own."""
    folder = tmp_path / "package"
    (folder / "templates").mkdir(parents=True)
    (folder / "templates" / "page.jinja2").write_text("a")
    monkeypatch.setattr(rendering, "__file__", str(folder / "web" / "rendering.py"))
    rendering._package_digest.cache_clear()
    yield folder
    rendering._package_digest.cache_clear()


def test_the_build_token_changes_with_any_file(configure, package):
    config = configure()
    rendering._package_digest.cache_clear()
    before = token_of(config)
    for name, content, changes in (("page.pyc", "bytecode", False), ("page.jinja2", "b", True)):
        (package / "templates" / name).write_text(content)
        rendering._package_digest.cache_clear()
        assert (token_of(config) != before) is changes


def test_the_files_of_the_package_are_read_once(configure, package):
    config = configure()
    before = token_of(config)
    (package / "templates" / "page.jinja2").write_text("b")
    assert token_of(config) == before
