"""Drawn covers of books without an image."""

import re
from collections import Counter
from pathlib import Path

import bookshop
from bookshop.catalogue.covers.drawn import COLOURS, PATTERNS, drawn_cover

STYLES = (Path(bookshop.__file__).parent / "static/base.css").read_text()


def test_drawn_covers_differ_between_books_and_stay_the_same():
    covers = [drawn_cover(f"97869410{number:05}") for number in range(960)]
    assert covers == [drawn_cover(f"97869410{number:05}") for number in range(960)]
    counts = Counter(covers)
    assert len(counts) == COLOURS * PATTERNS
    assert max(counts.values()) < 3 * 960 / len(counts)


def test_style_sheet_has_each_colour_and_pattern():
    found = re.findall(r'\.board\[data-(colour|pattern)="(\d+)"\]', STYLES)
    patterns = {int(number) for name, number in found if name == "pattern"}
    colours = {int(number) for name, number in found if name == "colour"}
    assert patterns == set(range(PATTERNS))
    assert colours | {0} == set(range(COLOURS))  # the first one is the default
