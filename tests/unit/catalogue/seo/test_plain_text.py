"""Plain text of HTML descriptions."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bookshop.catalogue.importing.html import to_html
from bookshop.catalogue.seo.plain_text import shorten, to_plain_text


@pytest.mark.parametrize(
    ("html", "text"),
    [
        ("", ""),
        ("<p>One.</p><p>Two.</p>", "One. Two."),
        ("<p>One<br>two</p>", "One two"),
        ("<ul><li>One</li><li>two</li></ul><blockquote>three</blockquote>", "One two three"),
        ("<h3>One</h3><p>two</p>", "One two"),
        ("<p>An <em>island</em>, far <strong>off</strong>.</p>", "An island, far off."),
        ("<p>Salt &amp; pepper, 1 &lt; 2</p>", "Salt & pepper, 1 < 2"),
    ],
)
def test_blocks_are_separated_by_spaces(html, text):
    assert to_plain_text(html) == text


@given(st.text(alphabet="ab <>&;/p\n"))
def test_plain_text_is_one_trimmed_line(text):
    found = to_plain_text(to_html(text))

    assert found == " ".join(found.split())


@given(st.text(), st.integers(min_value=2, max_value=50))
def test_shortened_text_is_a_prefix_within_the_limit(text, most):
    text = " ".join(text.split())
    found = shorten(text, most)

    assert len(found) <= most
    assert text.startswith(found.removesuffix("…"))
    assert (found == text) == (len(text) <= most) or text.endswith("…")


@pytest.mark.parametrize(
    ("text", "most", "found"),
    [
        ("One two", 7, "One two"),
        ("One two three", 8, "One two…"),
        ("One two three", 7, "One…"),
        ("One, two", 7, "One…"),
        ("Onetwothree", 5, "Onet…"),
    ],
)
def test_text_is_cut_between_words(text, most, found):
    assert shorten(text, most) == found
