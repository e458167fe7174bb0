"""What mails say, read as the customer reads them."""

import re
from datetime import date
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po

import bookshop
from bookshop.mail.message import QueuedMail
from bookshop.orders.emails import EmailComposer
from bookshop.orders.links import opens
from bookshop.orders.notifications import MailKind
from bookshop.orders.snapshot import snapshot
from bookshop.orders.states import OrderStatus
from tests.unit.makers import NOW, book, order

DETAILS = {
    MailKind.REFUNDED: {"amount": 500},
    MailKind.SHIPPED: {
        "lines": [{"title": "Moss & Lichen", "quantity": 2}],
        "tracking": "RM 1234",
    },
}


@pytest.fixture
def bought(sqlite_sessions):
    """An order of two copies of Moss & Lichen and of one <Größe>, as it was read."""
    with sqlite_sessions.begin() as session:
        moss, size = book("MOSS", title="Moss & Lichen"), book("SIZE", title="<Größe>")
        session.add(made := order(moss, size, status=OrderStatus.PAID, email="ada@mail.example"))
        made.lines[0].quantity, made.total = 2, 2997
        session.flush()
        return snapshot(made)


@pytest.fixture
def letter(registry, bought):
    """The letter of a kind about that order."""

    def write(kind, shop=registry, **detail):
        mail = QueuedMail(kind, 1, "ada@mail.example", "1", NOW, detail or DETAILS.get(kind, {}))
        return EmailComposer(shop).render(mail, bought)

    return write


def words(html):
    """The words of a page, without its markup."""
    return " ".join(re.sub(r"<[^>]+>", " ", html).split())


@pytest.mark.parametrize("kind", MailKind)
def test_every_letter_says_whose_it_is_and_where_the_order_is(kind, letter, bought, registry):
    written = letter(kind)
    assert bought.number in written.subject
    assert "\n" not in written.subject
    assert written.text.startswith("Hello,\n\n")
    assert written.html.startswith("<!doctype html>\n")
    for text in (written.text, words(written.html)):
        assert "The Test Shelf" in text
        assert "hello@shelf.example" in text
    for text in (written.text, written.html):
        url = re.search(r"http://localhost:6543/orders/\S+?(?=[\"\s])", text)[0]
        assert urlsplit(url).path == f"/orders/{bought.number}"
        assert opens(registry.services.settings.shop, bought.number, *parse_qs(urlsplit(url).query)["key"])


@pytest.mark.parametrize("kind", sorted(set(MailKind) - {MailKind.SHIPPED, MailKind.LINK}))
def test_letters_about_the_whole_order_list_it(kind, letter, bought):
    written = letter(kind)
    assert "2 × Moss & Lichen, £19.98\n1 × <Größe>, £9.99\nTotal £29.97\n" in written.text
    assert "2 × Moss &amp; Lichen £19.98 1 × &lt;Größe&gt; £9.99 Total £29.97" in words(
        written.html
    )


@pytest.mark.parametrize(
    ("kind", "subject", "sentences"),
    [
        (
            MailKind.PAID,
            "Thank you for your order {}",
            [
                "Thank you for your order. Your payment of £29.97 has arrived.",
                "We get everything ready now, and write to you again when it is on its way.",
            ],
        ),
        (
            MailKind.SOLD_OUT,
            "We are sorry: your order {} is sold out",
            [
                "the last copy went to somebody else a moment before. We are sorry.",
                "All of your money, £29.97, is on its way back to you.",
                "Your bank should show it within 5 to 10 days",
            ],
        ),
        (
            MailKind.PAYMENT_FAILED,
            "The payment for your order {} did not go through",
            ["No money was taken.", "Would you like to try again, perhaps with a card?"],
        ),
        (
            MailKind.EXPIRED,
            "Your order {} was not paid",
            ["Your order was not paid in time, so we no longer keep it for you."],
        ),
        (
            MailKind.SHIPPED,
            "Sent: your order {}",
            ["Good news: we have sent this", "Follow it on its way: RM 1234", "Happy reading."],
        ),
        (
            MailKind.REFUNDED,
            "Your money back for order {}",
            [
                "We have sent back a part of what you paid for your order: £5.00.",
                "and should be there within 5 to 10 days.",
            ],
        ),
        (MailKind.LINK, "The link to your order {}", ["Here is the link to your order"]),
    ],
)
def test_what_each_says_as_text_and_as_html(kind, subject, sentences, letter, bought):
    written = letter(kind)
    assert written.subject == subject.format(bought.number)
    for sentence in sentences:
        assert sentence in written.text
        assert sentence in words(written.html)


@pytest.mark.parametrize("out", [True, False])
def test_a_book_that_is_not_out_yet_is_said_to_be(out, letter, sqlite_sessions):
    day = date.max if not out else NOW.date()
    with sqlite_sessions.begin() as session:
        session.add(book("MOSS", published=day))
    written = letter(MailKind.PAID)

    for text in (written.text, words(written.html).replace("&amp;", "&")):
        said = "Moss & Lichen is not out yet: it comes out on 31 December 9999, and we send it then"
        assert (said in text) is not out
        assert ("We get everything ready now" in text) is out
    assert "\n\n\n" not in written.text


def test_there_is_a_letter_for_every_kind():
    folder = Path(bookshop.__file__).parent / "templates" / "mail"
    for kind in MailKind:
        for end in ("txt", "html"):
            assert (folder / f"{kind.value}.{end}.jinja2").is_file()


@pytest.mark.parametrize("kind", [MailKind.PAYMENT_FAILED, MailKind.EXPIRED])
def test_it_can_be_tried_again(kind, letter):
    written = letter(kind)
    assert "http://localhost:6543/checkout?item=MOSS\n" in written.text
    assert 'href="http://localhost:6543/checkout?item=MOSS"' in written.html


def test_all_of_the_money(letter):
    assert (
        "all that you paid for your order: £29.97." in letter(MailKind.REFUNDED, amount=2997).text
    )


def test_what_has_been_sent_and_no_more(letter):
    written = letter(MailKind.SHIPPED, lines=[{"title": "<Größe>", "quantity": 1}], tracking=None)
    for text in (written.text, words(written.html)):
        assert "Moss" not in text
        assert "Follow it" not in text
        assert "Total" not in text
    assert "\n1 × <Größe>\n" in written.text
    assert "1 × &lt;Größe&gt;" in written.html


def test_the_link_shows_nothing_of_the_order(letter):
    written = letter(MailKind.LINK)
    assert "Moss" not in written.text + written.html
    assert "£" not in written.text + written.html


def test_text_is_no_html_and_html_is_escaped(letter, make_registry):
    shop = make_registry(bookshop__name="Pen & <Ink>")
    written = letter(MailKind.PAID, shop)
    assert "Pen & <Ink>" in written.text
    assert "Pen &amp; &lt;Ink&gt;" in written.html
    assert "<Ink>" not in written.html


def test_a_text_has_no_holes(letter):
    for kind in MailKind:
        text = letter(kind).text
        assert "\n\n\n" not in text
        assert all(line == line.strip() for line in text.splitlines())


def test_nothing_is_fetched_from_anywhere_and_nobody_is_followed(letter):
    for kind in MailKind:
        html = letter(kind).html
        assert not re.search(r"<(img|link|script|style|iframe)|src=|url\(", html)


def test_money_is_written_as_the_shops_customers_write_it(letter, make_registry):
    shop = make_registry(bookshop__locale="de_DE")
    assert "29,97\N{NO-BREAK SPACE}£" in letter(MailKind.PAID, shop).text
    assert '<html lang="de-DE">' in letter(MailKind.PAID, shop).html


def test_letters_speak_the_language_of_the_shop(letter, make_registry, tmp_path, monkeypatch):
    folder = tmp_path / "locale" / "de" / "LC_MESSAGES"
    folder.mkdir(parents=True)
    catalogue = read_po(
        [
            b'msgid "Hello,"\n',
            b'msgstr "Guten Tag,"\n\n',
            b'msgid "Thank you for your order %(number)s"\n',
            b'msgstr "Danke f\xc3\xbcr Ihre Bestellung %(number)s"\n',
        ],
        locale="de",
        charset="utf-8",
    )
    with (folder / "bookshop.mo").open("wb") as file:
        write_mo(file, catalogue)
    shop = make_registry(bookshop__locale="de_DE")
    from pyramid.interfaces import ITranslationDirectories

    shop.getUtility(ITranslationDirectories).insert(0, str(tmp_path / "locale"))
    written = letter(MailKind.PAID, shop)
    assert written.subject.startswith("Danke für Ihre Bestellung ")
    assert written.text.startswith("Guten Tag,\n")
    assert "Guten Tag," in written.html


def test_letters_change_nothing_for_pages(letter, registry):
    from pyramid_jinja2 import IJinja2Environment

    pages = registry.getUtility(IJinja2Environment, name=".jinja2")
    before = pages.globals["gettext"]
    letter(MailKind.PAID)
    assert pages.globals["gettext"] is before
    assert pages.autoescape is True
