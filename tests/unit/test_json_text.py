"""JSON from Stripe is storable: texts that no database and no page can hold are replaced."""

import json

import pytest

from bookshop.json_text import storable_json


@pytest.mark.parametrize(
    ("text", "stored"),
    [
        (r"a\ud800b", "a?b"),
        (r"\udfff\ud800", "??"),
        (r"\u0000", "\ufffd"),
        (r"\ud83d\udcda", "\U0001f4da"),
        ("Gr\u00f6\u00dfe", "Gr\u00f6\u00dfe"),
    ],
)
def test_lone_surrogates_and_nul_are_replaced_in_keys_and_values(text, stored):
    body = f'{{"{text}": ["{text}", 1.5, null]}}'.encode()
    assert json.loads(storable_json(body)) == {stored: [stored, 1.5, None]}


@pytest.mark.parametrize("body", [b"", rb"{\ud800", b"<html>", rb'"\ud800' + b"[" * 100_000])
def test_other_bodies_are_unchanged(body):
    assert storable_json(body) is body
