"""The Atom feed of new books, checked against RFC 4287."""

import re
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from urllib.parse import urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree

from bookshop import settings
from bookshop.catalogue.seo import atom
from tests.shops import ini
from tests.unit.makers import NOW, edition

A = "{http://www.w3.org/2005/Atom}"
RFC_3339 = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)")
SHOP = settings.read(ini(Path("var"), "http://localhost:1")).shop
# Section 4.1.1 and 4.1.2: what must be there once, and what may be there once.
ONCE = {"feed": {"id", "title", "updated"}, "entry": {"id", "title", "updated"}}
AT_MOST_ONCE = {
    "feed": {"generator", "icon", "logo", "rights", "subtitle"},
    "entry": {"content", "published", "rights", "source", "summary"},
}


def row(new_book, *, added=NOW, changed=NOW):
    return SimpleNamespace(edition=new_book, added_at=added, changed_at=changed)


def feed(*rows):
    return check(atom.feed(SHOP, "New books", rows))


def check(body):
    """Return the parsed feed after checking the rules of RFC 4287."""
    root = etree.fromstring(body)
    assert root.tag == A + "feed"
    _check_element(root, "feed")
    entries = root.findall(A + "entry")
    for entry in entries:
        _check_element(entry, "entry")
    (self_link,) = root.findall(f"{A}link[@rel='self']")
    assert self_link.get("href") == root.findtext(A + "id")
    identities = [entry.findtext(A + "id") for entry in entries]
    assert len(set(identities)) == len(identities)
    # 4.1.1: an author of the feed, or one of each entry.
    assert root.find(A + "author") is not None
    return root


def _check_element(element, kind):
    names = [child.tag.removeprefix(A) for child in element]
    for name in ONCE[kind]:
        assert names.count(name) == 1, name
    for name in AT_MOST_ONCE[kind]:
        assert names.count(name) <= 1, name
    assert _is_absolute(element.findtext(A + "id"))
    for time in (*element.findall(A + "updated"), *element.findall(A + "published")):
        assert RFC_3339.fullmatch(time.text)
    links = element.findall(A + "link")
    assert all(_is_absolute(link.get("href")) for link in links)
    # 4.1.1 and 4.1.2: never two alternates of the same type; an entry without content has one.
    assert [link.get("type") for link in links if link.get("rel") == "alternate"] == ["text/html"]
    for author in element.findall(A + "author"):
        assert [child.tag for child in author].count(A + "name") == 1
    for content in element.findall(A + "content"):
        assert content.get("type") == "html"
        assert len(content) == 0  # 4.1.3.3: no child elements in HTML


def _is_absolute(address):
    return all(urlsplit(address)[:2])


def test_empty_feed_is_valid():
    assert feed().findtext(A + "updated") == "1970-01-01T00:00:00Z"


def test_entry_of_a_book():
    new_book = edition(
        "A/B",
        title="<Größe> & mehr",
        people=[("A01", "Ada"), ("A01", "Ben"), ("B06", "Cem")],
        description="<p>Über <em>alles</em> &amp; nichts.</p>",
    )

    root = feed(row(new_book, changed=NOW + timedelta(days=1, seconds=7)))

    entry = root.find(A + "entry")
    assert entry.findtext(A + "id") == f"{SHOP.url}/books/A%2FB"
    assert entry.findtext(A + "title") == "<Größe> & mehr"
    assert entry.findtext(A + "published") == "2026-06-01T12:00:00Z"
    assert entry.findtext(A + "updated") == "2026-06-02T12:00:07Z"
    assert [name.text for name in entry.iter(A + "name")] == ["Ada", "Ben"]
    assert entry.findtext(A + "content") == new_book.description


def test_updated_is_the_latest_change():
    later = NOW + timedelta(hours=3)

    root = feed(row(edition("A"), changed=later), row(edition("B")))

    assert root.findtext(A + "updated") == "2026-06-01T15:00:00Z"


def test_entry_without_author_and_description():
    entry = feed(row(edition("A", people=[], description=""))).find(A + "entry")

    assert entry.find(A + "author") is None
    assert entry.find(A + "content") is None


@given(st.text(min_size=1), st.text())
def test_any_text_results_in_valid_xml(title, text):
    root = feed(row(edition("A", title=title, description=text, people=[("A01", title)])))

    def as_xml(value):
        kept = (char for char in value if char in "\t\n\r" or char >= " ")
        return "".join(char for char in kept if char not in "\ufffe\uffff")

    def lines(value):  # a parser reads every line end as a newline
        return value.replace("\r\n", "\n").replace("\r", "\n")

    assert lines(root.find(A + "entry").findtext(A + "title")) == lines(as_xml(title))


@pytest.mark.parametrize("locale", ["en_GB", "de_DE"])
def test_feed_has_the_shops_language(locale):
    shop = settings.read(ini(Path("var"), "http://localhost:1", bookshop__locale=locale)).shop

    root = check(atom.feed(shop, "New books", []))

    language = root.get("{http://www.w3.org/XML/1998/namespace}lang")
    assert language == locale.replace("_", "-")
