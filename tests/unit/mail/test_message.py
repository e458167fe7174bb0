"""The headers and encoding of messages."""

import dataclasses
import re
from email import message_from_bytes, policy
from email.header import decode_header, make_header

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bookshop.mail.message import EmailContent, QueuedMail, build_message, domain
from tests.unit.makers import NOW

CONTENT = EmailContent("Thank you for your order", "Größe\n.\nline\n", "<p>Größe</p>\n")


def mail(recipient="ada@mail.example"):
    return QueuedMail("paid", 1, recipient, "0123abcd", NOW, {})


@pytest.fixture
def settings(registry):
    return registry.services.settings


def received(made):
    """Parse the message as its recipient does."""
    return message_from_bytes(made.as_bytes(), policy=policy.default)


def with_shop(settings, **changes):
    return dataclasses.replace(settings, shop=dataclasses.replace(settings.shop, **changes))


def test_headers(settings):
    found = received(build_message(settings, mail(), CONTENT))
    assert dict(found.items()) | {"Content-Type": None} == {
        "From": "The Test Bookshop <hello@bookshop.example>",
        "To": "ada@mail.example",
        "Subject": "Thank you for your order",
        "Date": "Mon, 01 Jun 2026 12:00:00 +0000",
        "Message-ID": "<0123abcd@localhost>",
        "Auto-Submitted": "auto-generated",
        "MIME-Version": "1.0",
        "Content-Type": None,
    }


LONG_NAMES = [
    "Buchhandlung für schöne Bücher und Größeres in Düsseldorf und Überlingen am Bodensee",
    "Librairie des Élèves émérites et de l’été, à côté de la forêt où l’on lit, Besançon",
    "The Corner Bookshop, independent booksellers since 1974, and a café with “quotes” in it",
    "\N{CJK UNIFIED IDEOGRAPH-66F8}\N{CJK UNIFIED IDEOGRAPH-5E97}" * 30,
]


def names_in(raw):
    """Decode the names of From and Reply-To by RFC 2047, which Python's parser does not."""
    parsed = message_from_bytes(raw, policy=policy.compat32)
    lines = (re.sub(r"\r?\n", "", parsed[name]) for name in ("From", "Reply-To"))
    return [str(make_header(decode_header(line))).rpartition(" <")[0] for line in lines]


@pytest.fixture
def by_another_sender(settings):
    sender = dataclasses.replace(settings.mail, sender="post@mailer.example")
    return dataclasses.replace(settings, mail=sender)


@pytest.mark.parametrize("name", LONG_NAMES)
@pytest.mark.parametrize("recipient", ["ada@mail.example", "jöran@mail.example"])
def test_long_accented_name_arrives_without_a_word_split_or_joined(
    by_another_sender, name, recipient
):
    made = build_message(with_shop(by_another_sender, name=name), mail(recipient), CONTENT)
    assert names_in(made.as_bytes()) == names_in(made.as_string().encode()) == [name, name]
    lines = made.as_bytes().partition(b"\r\nSubject")[0].split(b"\r\n")
    assert all(len(line) <= 78 for line in lines)


accented = st.sampled_from(["Café", "für", "l’été,", "“quotes”", "Größeres"])


@given(st.lists(accented | st.sampled_from(["and", "a", "&", "Buchhandlung"]), max_size=25))
def test_any_words_of_a_name_arrive_as_they_are(by_another_sender, words):
    name = " ".join([*words, "Bücher"])
    made = build_message(with_shop(by_another_sender, name=name), mail(), CONTENT)
    assert names_in(made.as_bytes()) == [name, name]


@given(st.lists(accented | st.sampled_from(["and", "a", "&", "Buchhandlung"]), max_size=25))
def test_any_words_of_a_subject_arrive_as_they_are(settings, words):
    subject = " ".join([*words, "Bücher"])
    made = build_message(settings, mail(), dataclasses.replace(CONTENT, subject=subject))
    parsed = message_from_bytes(made.as_bytes(), policy=policy.compat32)["Subject"]
    assert str(make_header(decode_header(re.sub(r"\r?\n", "", parsed)))) == subject


def test_a_sender_with_an_accented_domain_is_named_in_ascii(settings):
    settings = dataclasses.replace(
        settings, mail=dataclasses.replace(settings.mail, sender="hallo@bücher.example")
    )
    (address,) = received(build_message(settings, mail(), CONTENT))["From"].addresses
    assert address.addr_spec == "hallo@xn--bcher-kva.example"


def test_message_has_text_and_html(settings):
    found = received(build_message(settings, mail(), CONTENT))
    assert found.get_content_type() == "multipart/alternative"
    text, html = found.iter_parts()
    assert text.get_content().replace("\r\n", "\n") == CONTENT.text
    assert html.get_content().replace("\r\n", "\n") == CONTENT.html


def test_message_is_seven_bit_with_short_lines(settings):
    long = dataclasses.replace(CONTENT, text="ä" * 5000, html="ß" * 5000)
    raw = build_message(settings, mail(), long).as_bytes()
    assert raw.isascii()
    assert all(len(line) <= 78 for line in raw.split(b"\r\n"))
    assert b"\n" not in raw.replace(b"\r\n", b"")


def test_message_id_and_date_are_stable(settings):
    first, second = (build_message(settings, mail(), CONTENT) for _ in range(2))
    assert first["Message-ID"] == second["Message-ID"]
    assert first["Date"] == second["Date"]


def test_reply_to_is_the_shops_address(settings):
    sender = dataclasses.replace(settings.mail, sender="post@mailer.example")
    found = received(build_message(dataclasses.replace(settings, mail=sender), mail(), CONTENT))
    assert found["From"] == "The Test Bookshop <post@mailer.example>"
    assert found["Reply-To"] == "The Test Bookshop <hello@bookshop.example>"


@pytest.mark.parametrize("name", ["Pen, Ink & Co.", 'The "Bookshop"', "Bücher <b>", "本屋"])
def test_shop_name_is_encoded(settings, name):
    found = received(build_message(with_shop(settings, name=name), mail(), CONTENT))
    (sender,) = found["From"].addresses
    assert (sender.display_name, sender.addr_spec) == (name, "hello@bookshop.example")


INJECTION = "Moss\r\nBcc: eve@mail.example\n\nbody"


def test_header_injection_is_prevented(settings):
    content = dataclasses.replace(CONTENT, subject=INJECTION)
    found = received(build_message(with_shop(settings, name=INJECTION), mail(), content))
    assert "Bcc" not in found
    assert found["Subject"] == "Moss Bcc: eve@mail.example body"
    assert [address.addr_spec for address in found["From"].addresses] == ["hello@bookshop.example"]


@given(subject=st.text(), name=st.text(st.characters(exclude_categories=["Cs"]), min_size=1))
def test_arbitrary_subject_and_name_add_no_headers(settings, subject, name):
    subject = subject.encode("utf-8", "replace").decode()
    content = dataclasses.replace(CONTENT, subject=f"Order {subject}")
    found = received(build_message(with_shop(settings, name=f"Books {name}"), mail(), content))
    assert len(found.items()) == 8
    assert len(found["From"].addresses) == 1


@pytest.mark.parametrize(
    "recipient", ["eve@mail.example\r\nBcc: ada@mail.example", "a@b, c@d", "x"]
)
def test_invalid_recipient_is_refused(settings, recipient):
    with pytest.raises(ValueError, match=r".+"):
        build_message(settings, mail(recipient), CONTENT)


def test_domain_is_converted_to_ascii(settings):
    found = build_message(settings, mail("ada@bücher.example"), CONTENT)
    assert found["To"] == "ada@xn--bcher-kva.example"
    assert found.as_bytes().isascii()


def test_local_part_outside_ascii_is_kept(settings):
    found = build_message(settings, mail("zoë@bücher.example"), CONTENT)
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
def test_domain_of_the_shop(settings, url, name):
    assert domain(with_shop(settings, url=url).shop) == name
