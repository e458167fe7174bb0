"""The message as mail systems see it."""

import dataclasses
from email import message_from_bytes, policy

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bookshop.mail.message import EmailContent, QueuedMail, build_message, domain
from tests.unit.makers import NOW

LETTER = EmailContent("Thank you for your order", "Größe\n.\nline\n", "<p>Größe</p>\n")


def mail(recipient="ada@mail.example"):
    return QueuedMail("paid", 1, recipient, "0123abcd", NOW, {})


@pytest.fixture
def settings(registry):
    return registry.services.settings


def received(made):
    """The message as the other side reads it."""
    return message_from_bytes(made.as_bytes(), policy=policy.default)


def with_shop(settings, **changes):
    return dataclasses.replace(settings, shop=dataclasses.replace(settings.shop, **changes))


def test_its_headers(settings):
    found = received(build_message(settings, mail(), LETTER))
    assert dict(found.items()) | {"Content-Type": None} == {
        "From": "The Test Shelf <hello@shelf.example>",
        "To": "ada@mail.example",
        "Subject": "Thank you for your order",
        "Date": "Mon, 01 Jun 2026 12:00:00 +0000",
        "Message-ID": "<0123abcd@localhost>",
        "Auto-Submitted": "auto-generated",
        "MIME-Version": "1.0",
        "Content-Type": None,
    }


def test_text_and_html_say_the_same(settings):
    found = received(build_message(settings, mail(), LETTER))
    assert found.get_content_type() == "multipart/alternative"
    text, html = found.iter_parts()
    assert text.get_content().replace("\r\n", "\n") == LETTER.text
    assert html.get_content().replace("\r\n", "\n") == LETTER.html


def test_it_is_of_seven_bits_and_short_lines(settings):
    long = dataclasses.replace(LETTER, text="ä" * 5000, html="ß" * 5000)
    raw = build_message(settings, mail(), long).as_bytes()
    assert raw.isascii()
    assert all(len(line) <= 78 for line in raw.split(b"\r\n"))
    assert b"\n" not in raw.replace(b"\r\n", b"")


def test_every_attempt_has_the_same_id_and_date(settings):
    first, second = (build_message(settings, mail(), LETTER) for _ in range(2))
    assert first["Message-ID"] == second["Message-ID"]
    assert first["Date"] == second["Date"]


def test_answers_reach_the_shop_whatever_address_it_sends_from(settings):
    sender = dataclasses.replace(settings.mail, sender="post@mailer.example")
    found = received(build_message(dataclasses.replace(settings, mail=sender), mail(), LETTER))
    assert found["From"] == "The Test Shelf <post@mailer.example>"
    assert found["Reply-To"] == "The Test Shelf <hello@shelf.example>"


@pytest.mark.parametrize("name", ["Pen, Ink & Co.", 'The "Shelf"', "Bücher <b>", "本屋"])
def test_any_name_of_a_shop(settings, name):
    found = received(build_message(with_shop(settings, name=name), mail(), LETTER))
    (sender,) = found["From"].addresses
    assert (sender.display_name, sender.addr_spec) == (name, "hello@shelf.example")


INJECTION = "Moss\r\nBcc: eve@mail.example\n\nbody"


def test_no_header_can_be_slipped_in(settings):
    letter = dataclasses.replace(LETTER, subject=INJECTION)
    found = received(build_message(with_shop(settings, name=INJECTION), mail(), letter))
    assert "Bcc" not in found
    assert found["Subject"] == "Moss Bcc: eve@mail.example body"
    assert [address.addr_spec for address in found["From"].addresses] == ["hello@shelf.example"]


@given(subject=st.text(), name=st.text(st.characters(exclude_categories=["Cs"]), min_size=1))
def test_whatever_stands_in_subject_and_name_there_are_no_more_headers(settings, subject, name):
    subject = subject.encode("utf-8", "replace").decode()
    letter = dataclasses.replace(LETTER, subject=f"Order {subject}")
    found = received(build_message(with_shop(settings, name=f"Shelf {name}"), mail(), letter))
    assert len(found.items()) == 8
    assert len(found["From"].addresses) == 1


@pytest.mark.parametrize(
    "recipient", ["eve@mail.example\r\nBcc: ada@mail.example", "a@b, c@d", "x"]
)
def test_what_is_no_address_is_not_written_to(settings, recipient):
    with pytest.raises(ValueError, match=r".+"):
        build_message(settings, mail(recipient), LETTER)


def test_a_domain_beyond_ascii_is_written_in_it(settings):
    found = build_message(settings, mail("ada@bücher.example"), LETTER)
    assert found["To"] == "ada@xn--bcher-kva.example"
    assert found.as_bytes().isascii()


def test_a_name_beyond_ascii_stays_as_it_is(settings):
    found = build_message(settings, mail("zoë@bücher.example"), LETTER)
    (recipient,) = found["To"].addresses
    assert recipient.addr_spec == "zoë@xn--bcher-kva.example"
    assert "To: zoë@xn--bcher-kva.example\r\n".encode() in found.as_bytes()


@pytest.mark.parametrize(
    ("url", "name"),
    [
        ("https://books.example.com", "books.example.com"),
        ("http://localhost:6543", "localhost"),
        ("https://bücher.example", "xn--bcher-kva.example"),
    ],
)
def test_the_domain_is_the_shops(settings, url, name):
    assert domain(with_shop(settings, url=url).shop) == name
