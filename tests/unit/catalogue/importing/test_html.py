"""Descriptions: HTML of a few elements, whatever came."""

from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bookshop.catalogue.importing.html import clean, description, paragraphs

TAGS = """
    p b i em strong ul ol li h1 h2 blockquote table tr td button a div pre svg math style script
    dl dt select option template text br hr
"""
PIECES = [f"<{slash}{tag}>" for tag in TAGS.split() for slash in ("", "/")]
TEXTS = ["<br/>", "<a/href=x>", "<!-- -->", "&lt;p&gt;", "&amp;", "&nbsp;", "&copy;", "x", "y"]
MARKUP = st.lists(
    st.sampled_from([*PIECES, *TEXTS, " ", "\n", "\n\n", "<", ">", "&", "\x00", "\x85", "\xa0"])
    | st.text(max_size=4),
    max_size=14,
).map("".join)


WITHIN = {
    "p": {None, "blockquote"},
    "h3": {None, "blockquote"},
    "blockquote": {None},
    "ul": {None},
    "ol": {None},
    "li": {"ul", "ol"},
}
LINES = {"p", "h3", "li"}
INLINE = {"b", "i", "em", "strong"}


class Checker(HTMLParser):
    """Fails where an element stands in another that it does not belong in."""

    def __init__(self):
        super().__init__()
        self.open = []

    def handle_starttag(self, tag, attrs):
        assert attrs == []
        inside = self.open[-1] if self.open else None
        if tag in INLINE or tag == "br":
            assert inside in INLINE | LINES
        else:
            assert inside in WITHIN[tag]
        if tag != "br":
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        assert self.open
        assert self.open[-1] in INLINE | LINES


@given(MARKUP)
def test_whatever_comes_leaves_as_valid_html_of_a_few_elements(text):
    checker = Checker()
    checker.feed(description(text))
    checker.close()
    assert checker.open == []


@given(MARKUP)
def test_what_has_been_made_a_description_stays_as_it_is(text):
    once = description(text)
    assert description(once) == once
    assert clean(once) == once


@pytest.mark.parametrize(
    ("text", "html"),
    [
        ("", ""),
        ("Moss & stone", "<p>Moss &amp; stone</p>"),
        ("5 < 6", "<p>5 &lt; 6</p>"),
        ("One\nand\r\n\r\n two", "<p>One and</p><p>two</p>"),
        ("Caf&eacute;", "<p>Café</p>"),
        ("<p>Caf&eacute;</p>", "<p>Café</p>"),
        ("&lt;p&gt;Moss&lt;/p&gt;", "<p>Moss</p>"),
        ("Moss<br>stone", "<p>Moss<br>stone</p>"),
        ("Moss<br><br/>stone<br>", "<p>Moss</p><p>stone</p>"),
        ("<div>Moss</div><div>stone</div>", "<p>Moss</p><p>stone</p>"),
        ("<h1>Moss</h1>green", "<h3>Moss</h3><p>green</p>"),
        ("<h2>Moss</h2>", "<h3>Moss</h3>"),
        ("<h5>Moss</h5>", "<h3>Moss</h3>"),
        ("<ul><li>a</li><li><p>b</p><p>c</p></li></ul>", "<ul><li>a</li><li>b<br>c</li></ul>"),
        ("<ul><li>a<ol><li>b</li></ol></li></ul>d", "<ul><li>a</li><li>b</li></ul><p>d</p>"),
        (
            "<ul><li>a<ol><li>b</li></ol></li><li>c</li></ul>",
            "<ul><li>a</li><li>b</li><li>c</li></ul>",
        ),
        ("a <br> b", "<p>a<br>b</p>"),
        ("<ul><li>a</li></ul><ul><li>b</li></ul>", "<ul><li>a</li></ul><ul><li>b</li></ul>"),
        ("<li>a</li>", "<p>a</p>"),
        ("<blockquote>a</blockquote>", "<blockquote><p>a</p></blockquote>"),
        ("<b><p>a</p><p>c</p></b>", "<p><b>a</b></p><p><b>c</b></p>"),
        ("<p> <b> </b> </p><p></p>", ""),
        ("<p>a <b>b</b> c</p>", "<p>a <b>b</b> c</p>"),
        ("<p><a href='https://x.example'>a</a><img src=x></p>", "<p>a</p>"),
        ("<p onclick='x()' style='color:red'>a</p>", "<p>a</p>"),
        ("<p>a</p><script>x()</script><style>p{}</style>", "<p>a</p>"),
        ("<p>a\x00\x07b</p>", "<p>ab</p>"),
    ],
)
def test_a_description(text, html):
    assert description(text) == html


def test_plain_text_keeps_what_looks_like_markup():
    assert paragraphs("<p>\n\nb") == "<p>&lt;p&gt;</p><p>b</p>"


@pytest.mark.parametrize(
    "piece", ["<b><i>", "<ul><li>x", "<p ", "<a <b ", "&amp;", "\n \t", "<p>x"]
)
def test_a_flood_is_cut(piece):
    assert len(description(piece * 100_000)) < 1_500_000
