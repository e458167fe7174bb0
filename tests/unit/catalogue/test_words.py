"""The trade's codes in plain words."""

import pytest

from bookshop.catalogue import words


@pytest.mark.parametrize(
    ("code", "text"),
    [("BB", "Hardback"), ("ED.EPUB", "E-book (EPUB)"), ("ZZ", "Book"), ("", "Book")],
)
def test_forms(code, text):
    assert words.form(code) == text


@pytest.mark.parametrize(("code", "text"), [("A01", "Author"), ("Z99", "Contributor")])
def test_roles(code, text):
    assert words.role(code) == text


@pytest.mark.parametrize(
    ("code", "locale", "name"),
    [
        ("eng", "en_GB", "English"),
        ("eng", "de_DE", "Englisch"),
        ("ger", "en_GB", "German"),
        ("deu", "en_GB", "German"),
        ("fre", "fr_FR", "français"),
        ("qqq", "en_GB", "qqq"),
        ("not a code", "en_GB", "not a code"),
        ("", "en_GB", ""),
    ],
)
def test_languages_by_the_name_that_the_reader_knows(code, locale, name):
    assert words.language(code, locale) == name
