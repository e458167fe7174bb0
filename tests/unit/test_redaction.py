"""What is removed from log lines, however it is written."""

import pytest

from bookshop.redaction import printable, redact, redact_path, redact_value
from bookshop.web.request_log import logged_path

CARD = "4242424242424242"


@pytest.mark.parametrize(
    ("text", "secret"),
    [
        (f"card {CARD}", CARD),
        (f"x{CARD}y", CARD),
        ("4242 4242 4242 4242", "4242"),
        ("4242-4242-4242-4242", "4242"),
        ("4242.4242.4242.4242", "4242"),
        ("378282246310005", "378282246310005"),
        ("write to ada.lovelace+x@reader.example now", "ada"),
        ("ada@b\u00fccher.example", "cher"),
        ("ada@localhost", "ada"),
        ("postgresql://ada:secret@db/books", "secret"),
        ("Bearer x", " x"),
        ("authorization: bearer abc.def", "abc"),
        ("Basic YWRhOmFkYQ==", "YWRh"),
        ("sk_live_0123456789", "0123456789"),
        ("whsec_0123456789", "0123456789"),
        ("pi_1_secret_AbC123", "AbC123"),
        ("/orders/N?key=abcdefghijklmnop.q", "abcdefghij"),
    ],
)
def test_secrets_and_personal_data_are_removed_from_texts(text, secret):
    assert secret not in redact(text)
    assert "[redacted]" in redact(text)


@pytest.mark.parametrize(
    "text", ["9781234567897", "evt_1NabcDEFghi", "order K7QM-2X9T-4BCD", "/@@checkout", "0.1234"]
)
def test_other_texts_are_kept(text):
    assert redact(text) == text


def test_texts_inside_values_are_redacted():
    value = {
        "ada@reader.example": [("Bearer x", 5, None, True)],
        "error": ValueError("a@b.example"),
    }
    assert redact_value(value) == {
        "[redacted]": [["Bearer [redacted]", 5, None, True]],
        "error": "[redacted]",
    }


@pytest.mark.parametrize(
    ("path", "logged"),
    [
        ("/", "/"),
        ("/orders/", "/orders/"),
        ("/orders/K7QM-2X9T-4BCD", "/orders/…"),
        ("/./orders/K7QM-2X9T-4BCD", "/orders/…"),
        ("//orders//K7QM-2X9T-4BCD", "/orders/…"),
        ("/books/../orders/K7QM-2X9T-4BCD", "/orders/…"),
        ("/.%2Forders/K7QM-2X9T-4BCD", "/orders/…"),
        ("/ada@reader.example", "/[redacted]"),
        ("/ada%40reader.example", "/[redacted]"),
        ("/ada%2540reader.example", "/[redacted]"),
        ("/ada\uff20reader.example".encode().decode("latin-1"), "/[redacted]"),
        ("/ada@b\u00fccher.example".encode().decode("latin-1"), "/[redacted]"),
        (f"/{CARD}", "/[redacted]"),
        ("/4242%204242%204242%204242", "/[redacted]"),
        ("/caf\u00e9".encode().decode("latin-1"), "/caf?"),
        ("/a\nb", "/a?b"),
        ("/\xff", "/?"),
    ],
)
def test_paths_are_normalized_and_redacted(path, logged):
    assert logged_path({"PATH_INFO": path}) == logged


def test_a_public_path_is_redacted_too():
    assert redact_path("/books/ada@reader.example/", public=True) == "/books/[redacted]/"
    assert redact_path("/books/9781234567897", public=True) == "/books/9781234567897"


def test_an_address_is_not_cut_in_half_by_the_length_of_a_path():
    path = "/" + "x/" * 90 + "a" * 25 + "@reader.example"
    assert "@" not in logged_path({"PATH_INFO": path, "bookshop.public_path": True})


def test_control_characters_are_made_visible():
    assert printable("a\r\nb\u2028c\x1b[31m\ud800") == ("a\\x0d\\x0ab\\x2028c\\x1b[31m\\xd800")


def test_letters_and_spaces_of_all_languages_are_kept():
    text = "Größe 1\u202f234,50\u00a0€ ダ \u0646\u0645\u06cc\u200c\u062e"
    assert printable(text) == text
