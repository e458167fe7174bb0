"""Texts that were escaped more than once: titles, names, series and subjects, in one place."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bookshop.catalogue.importing.html import to_html
from bookshop.catalogue.importing.text import plain_text


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("Salt &amp; Tar", "Salt & Tar"),
        ("Salt &amp;amp;amp; Tar", "Salt & Tar"),
        ("L&#8217;&eacute;t&eacute;", "L’été"),
        ("5 &lt; 6", "5 < 6"),
        ("&#150; &#x96; \x96", "\N{EN DASH} \N{EN DASH} \N{EN DASH}"),
        ("<i>Typhoon</i> and After", "Typhoon and After"),
        ("&lt;I&gt;Typhoon&lt;/I&gt; and After", "Typhoon and After"),
        ("Two<br>lines<br/>here", "Two lines here"),
        ("<p>One</p><p>Two</p>", "One Two"),
        ("Salt & Tar", "Salt & Tar"),
        ("AT&T;", "AT&T;"),
        ("R&D &klingon; Q&A", "R&D &klingon; Q&A"),
        ("&copy 2026", "&copy 2026"),
        ("x < y > z", "x < y > z"),
        ("I <3 Books", "I <3 Books"),
        ("List<String> in Java", "List<String> in Java"),
        ("Learn <b> and <i>", "Learn <b> and <i>"),
        ("a\x00b\x7fc", "abc"),
    ],
)
def test_escaped_texts_become_plain_and_signs_remain(text, plain):
    assert plain_text(f" {text}\n") == plain


@given(st.text(st.sampled_from("&<>;/#123abip \namltgqu\x96é"), max_size=60))
def test_plain_texts_have_no_controls_and_one_line(text):
    plain = plain_text(text)
    assert plain == " ".join(plain.split())
    assert not any(ord(character) < 32 or 126 < ord(character) < 160 for character in plain)


def test_controls_of_latin_1_in_descriptions_are_characters_of_windows():
    assert to_html("It wasn\x92t \x93late\x94") == "<p>It wasn’t “late”</p>"
