"""Themes: templates and static files that take precedence over the shop's own."""

from types import SimpleNamespace

import hupper
import pytest
from webob import Request
from webtest import TestApp

import bookshop
from bookshop import settings
from bookshop.web.rendering import build_token
from tests.shops import ini

MISSING = """\
{% extends "bookshop:templates/errors/404.jinja2" %}
{% block main %}<h1>Sold, or never written</h1>{% endblock %}
"""
LAYOUT = """\
{% extends "bookshop:templates/layout.jinja2" %}
{% block logo %}<img src="{{ asset('logo.svg') }}" alt="{{ shop.name }}">{% endblock %}
"""


@pytest.fixture
def theme(tmp_path):
    folder = tmp_path / "theme"
    (folder / "templates" / "errors").mkdir(parents=True)
    (folder / "static").mkdir()
    (folder / "templates" / "errors" / "404.jinja2").write_text(MISSING)
    (folder / "templates" / "layout.jinja2").write_text(LAYOUT)
    (folder / "static" / "theme.css").write_text(":root { --accent: teal }")
    (folder / "static" / "logo.svg").write_text("<svg/>")
    return folder


@pytest.fixture
def make_config(tmp_path, sqlite_url):
    made = []

    def make(**changes):
        changes["sqlalchemy__url"] = str(sqlite_url)
        made.append(bookshop.configure(ini(tmp_path, "http://localhost:1", **changes)))
        return made[-1]

    yield make
    for config in made:
        config.registry.services.payments.close()
        config.registry.services.engine.dispose()


@pytest.fixture
def missing_page(make_config):
    """Returns the 404 page of a shop with a theme or without one."""

    def ask(**changes):
        browser = TestApp(make_config(**changes).make_wsgi_app())
        return browser.get("/nothing", status=404).text

    return ask


def test_a_template_of_the_theme_replaces_the_shops(theme, missing_page):
    page = missing_page(bookshop__theme=str(theme))
    assert "Sold, or never written" in page
    assert 'data-error-code="page_not_found"' not in page
    assert 'href="/orders/"' in page  # a part of the layout that the theme does not replace


def test_a_theme_changes_parts_of_the_layout_of_every_page(theme, missing_page):
    page = missing_page(bookshop__theme=str(theme))
    assert '<img src="/static/logo.' in page
    assert 'alt="The Test Bookshop"' in page


def test_a_shop_without_a_theme_links_no_theme_style_sheet(theme, missing_page):
    assert "/static/theme." not in missing_page()
    assert "/static/theme." in missing_page(bookshop__theme=str(theme))


def test_static_files_of_the_theme_come_first_with_hashes(theme, make_config):
    plain = make_config().registry.services.static_files
    themed = make_config(bookshop__theme=str(theme)).registry.services.static_files
    assert themed.path("theme.css") != plain.path("theme.css")
    assert themed.path("base.css") == plain.path("base.css")
    request = Request.blank(themed.path("theme.css"))
    answer = request.get_response(themed.answer(request.environ))
    assert answer.body == b":root { --accent: teal }"


@pytest.mark.parametrize("part", ["templates", "static", None])
def test_a_theme_need_not_have_both_folders(tmp_path, missing_page, part):
    theme = tmp_path / "theme"
    theme.mkdir()
    if part is not None:
        (theme / part).mkdir()
    assert 'data-error-code="page_not_found"' in missing_page(bookshop__theme=str(theme))


@pytest.mark.parametrize("file", ["templates/layout.jinja2", "static/theme.css"])
def test_the_build_token_changes_with_the_theme(theme, make_config, file):
    def token(**changes):
        found = make_config(**changes).registry.services
        return build_token(found.settings.shop, found.static_files)

    themed = {"bookshop__theme": str(theme)}
    before = token(**themed)
    assert token(**themed) == before
    assert token() != before
    (theme / file).write_text((theme / file).read_text() + " ")
    assert token(**themed) != before


def test_a_missing_theme_folder_is_a_settings_error(tmp_path):
    wrong = ini(tmp_path, "http://localhost:1", bookshop__theme=str(tmp_path / "themes"))
    with pytest.raises(settings.SettingsError) as caught:
        settings.read(wrong)
    [problem] = caught.value.problems
    assert (problem.key, problem.code) == ("bookshop.theme", "invalid")
    assert str(tmp_path / "themes") in problem.problem


def test_the_reloader_watches_templates_and_static_files(theme, make_config, monkeypatch):
    watched = []
    monkeypatch.setattr(hupper, "is_active", lambda: True)
    monkeypatch.setattr(hupper, "get_reloader", lambda: SimpleNamespace(watch_files=watched.extend))
    make_config(bookshop__theme=str(theme))
    assert str(theme / "templates" / "**" / "*.jinja2") in watched
    assert any(path.endswith("bookshop/templates/**/*.jinja2") for path in watched)
    assert str(theme / "static" / "logo.svg") in watched
