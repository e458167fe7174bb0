"""The shop starts with its settings: python -m pytest"""

import html
from pathlib import Path

from pyramid.paster import get_app
from webtest import TestApp


def test_the_index_shows_the_shops_name():
    shop = get_app(str(Path(__file__).with_name("development.ini")))
    page = TestApp(shop).get("/", status=200)
    assert shop.registry.services.settings.shop.name in html.unescape(page.text)
