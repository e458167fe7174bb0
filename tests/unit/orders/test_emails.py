"""The e-mails about an order: their subjects, texts and links."""

import re
from dataclasses import replace
from datetime import date
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po

import bookshop
from bookshop.mail.message import QueuedMail
from bookshop.orders.emails import EmailComposer
from bookshop.orders.links import is_valid_key
from bookshop.orders.notifications import MailKind
from bookshop.orders.snapshot import order_snapshot
from bookshop.orders.states import OrderStatus
from tests.unit.makers import NOW, book, order

DETAILS = {
    MailKind.REFUNDED: {"amount": 500},
    MailKind.SHIPPED: {
        "lines": [{"sku": "MOSS", "title": "Moss & Lichen", "quantity": 2}],
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
        return order_snapshot(made)


@pytest.fixture
def render_email(registry, bought):
    """Renders the e-mail of a kind about that order."""

    def render(kind, shop=registry, order=bought, **detail):
        mail = QueuedMail(kind, 1, "ada@mail.example", "1", NOW, detail or DETAILS.get(kind, {}))
        return EmailComposer(shop).render(mail, order)

    return render


def words(html):
    """Return the text of an HTML document."""
    return " ".join(re.sub(r"<[^>]+>", " ", html).split())


@pytest.mark.parametrize("kind", MailKind)
def test_every_email_names_the_shop_and_links_to_the_order(kind, render_email, bought, registry):
    written = render_email(kind)
    assert bought.number in written.subject
    assert "\n" not in written.subject
    assert written.text.startswith("Hello,\n\n")
    assert written.html.startswith("<!doctype html>\n")
    for text in (written.text, words(written.html)):
        assert "The Test Bookshop" in text
        assert "hello@bookshop.example" in text
    for text in (written.text, written.html):
        url = re.search(r"http://localhost:6543/orders/\S+?(?=[\"\s])", text)[0]
        assert urlsplit(url).path == f"/orders/{bought.number}"
        assert is_valid_key(
            registry.services.settings.shop, bought.number, *parse_qs(urlsplit(url).query)["key"]
        )


@pytest.mark.parametrize("kind", sorted(set(MailKind) - {MailKind.SHIPPED, MailKind.LINK}))
def test_emails_about_the_whole_order_list_its_books(kind, render_email, bought):
    written = render_email(kind)
    assert (
        "2 × Moss & Lichen (Ada Example, Paperback), £19.98\n"
        "1 × <Größe> (Ada Example, Paperback), £9.99\nTotal £29.97\n"
    ) in written.text
    assert (
        "2 × Moss &amp; Lichen Ada Example, Paperback £19.98 "
        "1 × &lt;Größe&gt; Ada Example, Paperback £9.99 Total £29.97"
    ) in words(written.html)


def test_email_about_a_shipment_names_author_and_format(render_email):
    written = render_email(MailKind.SHIPPED)
    assert "2 × Moss & Lichen (Ada Example, Paperback)\n" in written.text
    assert "2 × Moss &amp; Lichen Ada Example, Paperback" in words(written.html)


def test_line_of_an_older_order_has_its_title_only(render_email, bought):
    lines = (replace(bought.lines[0], byline="", form=""),)
    written = render_email(MailKind.PAID, order=replace(bought, lines=lines))
    assert "2 × Moss & Lichen, £19.98\nTotal" in written.text


@pytest.mark.parametrize(
    ("kind", "subject", "sentences"),
    [
        (
            MailKind.PAID,
            "Thank you for your order {}",
            [
                "Thank you for your order. We’ve received your payment of £29.97.",
                "We’ll e-mail you when it’s dispatched. Questions? Just reply.",
            ],
        ),
        (
            MailKind.SOLD_OUT,
            "Sorry, we couldn’t fulfil order {}",
            [
                "We received your payment, but the last copy had just sold. We’re sorry.",
                "We’re refunding you in full: £29.97. It can take 5 to 10 days to appear",
                "Would you like us to find you another copy? Just reply.",
            ],
        ),
        (
            MailKind.PAYMENT_FAILED,
            "The payment for your order {} didn’t go through",
            ["You haven’t been charged.", "Would you like to try again, perhaps with a card?"],
        ),
        (
            MailKind.EXPIRED,
            "Your order {} has expired",
            ["Your order wasn’t paid in time, so we’re no longer holding it for you."],
        ),
        (
            MailKind.SHIPPED,
            "Dispatched: your order {}",
            ["Good news: we’ve dispatched the following", "Tracking: RM 1234", "Happy reading."],
        ),
        (
            MailKind.REFUNDED,
            "Refund for order {}",
            [
                "We’ve refunded part of your order: £5.00.",
                "The refund goes to your original payment method and can take 5 to 10 days",
            ],
        ),
        (
            MailKind.LINK,
            "Your link to order {}",
            ["Here is your new link to order", "If you didn’t request it, you can ignore"],
        ),
    ],
)
def test_texts_of_each_email_in_plain_text_and_html(kind, subject, sentences, render_email, bought):
    written = render_email(kind)
    assert written.subject == subject.format(bought.number)
    for sentence in sentences:
        assert sentence in written.text
        assert sentence in words(written.html)


@pytest.mark.parametrize("out", [True, False])
def test_preorder_is_named_with_its_release_date(out, render_email, sqlite_sessions):
    day = date.max if not out else NOW.date()
    with sqlite_sessions.begin() as session:
        session.add(book("MOSS", published=day))
    written = render_email(MailKind.PAID)

    for text in (written.text, words(written.html).replace("&amp;", "&")):
        assert ("31 December 9999" in text) is not out
    assert "\n\n\n" not in written.text


def test_every_kind_has_both_templates():
    folder = Path(bookshop.__file__).parent / "templates" / "mail"
    for kind in MailKind:
        for end in ("txt", "html"):
            assert (folder / f"{kind.value}.{end}.jinja2").is_file()


@pytest.mark.parametrize("kind", [MailKind.PAYMENT_FAILED, MailKind.EXPIRED])
def test_unpaid_order_can_be_ordered_again(kind, render_email):
    written = render_email(kind)
    assert "http://localhost:6543/checkout?item=MOSS\n" in written.text
    assert 'href="http://localhost:6543/checkout?item=MOSS"' in written.html


def test_full_refund_names_the_total(render_email):
    written = render_email(MailKind.REFUNDED, amount=2997)
    assert "£29.97" in written.text
    assert "£5.00" not in written.text


def test_shipment_lists_only_what_was_sent(render_email):
    written = render_email(
        MailKind.SHIPPED, lines=[{"title": "<Größe>", "quantity": 1}], tracking=None
    )
    for text in (written.text, words(written.html)):
        assert "Moss" not in text
        assert "Tracking" not in text
        assert "Total" not in text
    assert "\n1 × <Größe>\n" in written.text
    assert "1 × &lt;Größe&gt;" in written.html


def test_link_email_shows_nothing_of_the_order(render_email):
    written = render_email(MailKind.LINK)
    assert "Moss" not in written.text + written.html
    assert "£" not in written.text + written.html


def test_only_html_is_escaped(render_email, make_registry):
    shop = make_registry(bookshop__name="Pen & <Ink>")
    written = render_email(MailKind.PAID, shop)
    assert "Pen & <Ink>" in written.text
    assert "Pen &amp; &lt;Ink&gt;" in written.html
    assert "<Ink>" not in written.html


def test_plain_text_has_no_stray_blank_lines(render_email):
    for kind in MailKind:
        text = render_email(kind).text
        assert "\n\n\n" not in text
        assert all(line == line.strip() for line in text.splitlines())


def test_html_loads_nothing_and_tracks_no_one(render_email):
    for kind in MailKind:
        html = render_email(kind).html
        assert not re.search(r"<(img|link|script|style|iframe)|src=|url\(", html)


def test_amounts_follow_the_locale(render_email, make_registry):
    shop = make_registry(bookshop__locale="de_DE")
    assert "29,97\N{NO-BREAK SPACE}£" in render_email(MailKind.PAID, shop).text
    assert '<html lang="de-DE">' in render_email(MailKind.PAID, shop).html


def test_emails_are_translated(render_email, make_registry, tmp_path, monkeypatch):
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
    written = render_email(MailKind.PAID, shop)
    assert written.subject.startswith("Danke für Ihre Bestellung ")
    assert written.text.startswith("Guten Tag,\n")
    assert "Guten Tag," in written.html


def test_emails_leave_the_environment_of_pages_unchanged(render_email, registry):
    from pyramid_jinja2 import IJinja2Environment

    pages = registry.getUtility(IJinja2Environment, name=".jinja2")
    before = pages.globals["gettext"]
    render_email(MailKind.PAID)
    assert pages.globals["gettext"] is before
    assert pages.autoescape is True
