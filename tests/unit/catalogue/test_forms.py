"""Product forms and the formats that customers choose."""

import pytest

from bookshop.catalogue import labels
from bookshop.catalogue.codes.product_forms import FORMS
from bookshop.catalogue.forms import DETAILS, Format, form_key, format_of


@pytest.mark.parametrize(
    ("form", "expected"),
    [
        ("BB", Format.HARDBACK),
        ("BG", Format.HARDBACK),
        ("BC", Format.PAPERBACK),
        ("EA", Format.EBOOK),
        ("ED", Format.EBOOK),
        ("AC", Format.AUDIOBOOK),
        ("AJ", Format.AUDIOBOOK),
        ("BA", Format.OTHER),
        ("BH", Format.OTHER),
        ("PC", Format.OTHER),
        ("ZE", Format.OTHER),
        ("", Format.OTHER),
    ],
)
def test_format_of_a_product_form(form, expected):
    assert format_of(form) is expected


@pytest.mark.parametrize(
    ("form", "details", "key"),
    [
        ("ED", ("E101",), "ED.EPUB"),
        ("ED", ("E200", "E101"), "ED.EPUB"),
        ("EA", ("E107",), "EA.PDF"),
        ("ED", ("E116",), "ED.KINDLE"),
        ("ED", ("E105",), "ED"),
        ("AC", ("A103",), "AC.MP3"),
        # For downloads the file format is not relevant.
        ("AJ", ("A103",), "AJ"),
        ("BC", ("E101",), "BC"),
        ("BC", ("B104",), "BC"),
        ("", ("E101",), ""),
    ],
)
def test_form_key_contains_the_relevant_detail(form, details, key):
    assert form_key(form, details) == key


def test_each_detail_has_its_own_label():
    names = {name for name, _forms, _codes in DETAILS}
    assert names == {key.partition(".")[2] for key in FORMS} - {""}
    for key in FORMS:
        form = key.partition(".")[0]
        assert form == key or labels.form(key) != labels.form(form)
