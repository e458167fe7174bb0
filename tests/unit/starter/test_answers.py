"""The answers of `bookshop new` are validated by the rules of the settings."""

import pytest
from jinja2 import Environment

from bookshop.starter import problems
from bookshop.starter.extensions import TimezoneExtension

GOOD = {
    "name": "The Otter & Ink",
    "url": "https://otter.example",
    "email": "hello@otter.example",
    "locale": "en_GB",
    "timezone": "Europe/London",
    "currency": "GBP",
    "database": "sqlite",
    "mail": "smtp.otter.example",
}


@pytest.mark.parametrize(
    "changes", [{}, {"mail": "none"}, {"name": "100 % Papier «Bücher»"}, {"locale": "de-DE"}]
)
def test_valid_answers_have_no_problem(changes):
    assert problems({**GOOD, **changes}) == []


@pytest.mark.parametrize(
    ("name", "value", "part"),
    [
        ("name", " ", "is missing"),
        ("name", "Otter\nbookshop.secret = x", "cannot have"),
        ("name", "Otter ${HOME}", "cannot have"),
        ("name", "{{ cookiecutter }}", "contains one of"),
        ("name", "{% if x %}", "contains one of"),
        ("name", "{# x", "contains one of"),
        ("url", "otter.example", "not a web address"),
        ("url", "http://otter.example", "must begin with https://"),
        ("url", "https://otter.example;evil", "not a host name"),
        ("email", "otter", "not an e-mail address"),
        ("locale", "klingon", "not a locale"),
        ("locale", "de", "has no country"),
        ("timezone", "Europe/York", "time zone database"),
        ("currency", "XYZ", "ISO 4217"),
        ("mail", "smtp otter", "not a host name"),
    ],
)
def test_invalid_answer_texts(name, value, part):
    [problem] = problems({**GOOD, name: value})
    assert problem.startswith(f"{name}: ")
    assert part in problem


def test_all_problems_are_reported_at_once():
    assert len(problems({**GOOD, "url": "x", "currency": "XYZ", "mail": "a b"})) == 3


@pytest.mark.parametrize(
    ("locale", "zone"),
    [("en_GB", "Europe/London"), ("ja-JP", "Asia/Tokyo"), ("en_US", "UTC"), ("klingon", "UTC")],
)
def test_the_proposed_time_zone_is_that_of_the_locales_country(locale, zone):
    environment = Environment(extensions=[TimezoneExtension])  # noqa: S701 - no HTML
    assert environment.from_string(f"{{{{ '{locale}' | usual_timezone }}}}").render() == zone
