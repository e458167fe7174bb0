"""What readers type: the same words, written in other ways. On SQLite and on PostgreSQL."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bookshop.catalogue.edition import Series, Subject
from bookshop.catalogue.search.text_normalization import (
    APOSTROPHES,
    all_words,
    digraph_spellings,
    query_terms,
    words,
)
from tests.unit.makers import edition

BOOKS = {
    "CLIFFS": ("Cliffs at Noon", "J. K. Larkspur"),
    "SECOND": ("Second Cliff", "J.K. Larkspur"),
    "THIRD": ("Third Cliff", "JK Larkspur"),
    "BEAR": ("Bear Woods", "A. A. Finchley"),
    "MILL": ("Mill Stream", "Jörg Müller"),
    "GRAIN": ("Grain Trade", "Karl Mueller"),
    "HINDI": ("हिन्दी कहानी", "Ines Vale"),
    "RIVER": ("नदी का घर दूर", "Ines Vale"),
    "WAVES": ("Waves of Hawai\u02bbi", "Ines Vale"),
    "WEST": ("Don\u2019t Turn West", "Nuala O\u2019Hara"),
    "APART": ("Harbour Days", "Sean O Hara"),
    "WREN": ("Spider-Wren", "Ines Vale"),
    "READER": ("The E-Book Reader", "Ines Vale"),
    "EBOOK": ("Ebook Design", "Ines Vale"),
    "BOOKS": ("My E Book", "Ines Vale"),
    "ISLES": ("Ærø and Ålesund", "Åse Knausgård"),
    "COAST": ("U.S.A. Coast to Coast", "Ines Vale"),
    "BOATS": ("1000 Boats and 1 Oar", "Ines Vale"),
    "THAI": ("ความทรงจำของแม่น้ำ", "Ines Vale"),
    "LAO": ("ຄວາມຊົງຈໍາຂອງແມ່ນໍ້າ", "Ines Vale"),
    "KHMER": ("ការចងចាំនៃទន្លេ", "Ines Vale"),
    "BURMESE": ("မြစ်၏အမှတ်တရ", "Ines Vale"),
    "RAIN": ("雨の喫茶店", "森田 葉子"),
    "DOCTOR": ("A Ph.D. in a Year", "Ines Vale"),
    "ETE": ("L\u2019Été au bord", "Ines Vale"),
}


@pytest.fixture
def found(save, find):
    """The SKUs that a query finds among BOOKS, which need not be in any order."""
    save(
        *(
            edition(sku, title=title, people=[("A01", author)], description="", subjects=())
            for sku, (title, author) in BOOKS.items()
        )
    )

    def found(q):
        result = find(q, size=50)
        assert result.corrected is None
        return {work.listing.sku for work in result.works}

    return found


LARKSPURS = {"CLIFFS", "SECOND", "THIRD"}


@pytest.mark.parametrize(
    ("typed", "skus"),
    [
        *((q, LARKSPURS) for q in ("jk larkspur", "JK", "J. K. Larkspur", "j.k.", "larkspur j k")),
        *((q, {"DOCTOR"}) for q in ("PhD year", "Ph.D.", "ph d")),
        *((q, {"BEAR"}) for q in ("AA Finchley", "a.a. finchley", "A A Finchley")),
        *((q, {"COAST"}) for q in ("USA", "U.S.A.", "u s a coast")),
    ],
)
def test_initials_are_found_joined_and_apart(found, typed, skus):
    assert found(typed) == skus


@pytest.mark.parametrize("sign", APOSTROPHES)
def test_every_sign_that_is_typed_for_an_apostrophe_is_one(found, sign):
    assert found(f"hawai{sign}i") == {"WAVES"}
    assert found(f"don{sign}t west") == {"WEST"}
    assert found(f"l{sign}été") == {"ETE"}


@pytest.mark.parametrize(
    ("typed", "skus"),
    [
        ("hawaii", {"WAVES"}),
        ("dont", {"WEST"}),
        ("o'hara", {"WEST", "APART"}),
        ("ohara", {"WEST", "APART"}),
        ("o hara", {"WEST", "APART"}),
        ("hara", {"WEST", "APART"}),
        ("ete bord", {"ETE"}),
    ],
)
def test_words_with_an_apostrophe_are_found_without_it(found, typed, skus):
    assert found(typed) == skus


@pytest.mark.parametrize(
    ("typed", "skus"),
    [
        *((q, {"WREN"}) for q in ("spider-wren", "spiderwren", "spider wren", "spider\u2010wren")),
        *((q, {"READER", "EBOOK", "BOOKS"}) for q in ("e-book", "ebook", "e book", "E-BOOK")),
        *((q, {"READER"}) for q in ("ebook reader", "e-book reader", "e book reader")),
        *((q, {"BOATS"}) for q in ("1000 boats", "1,000 boats", "1 000 boats")),
    ],
)
def test_words_with_a_hyphen_are_found_apart_and_joined(found, typed, skus):
    assert found(typed) == skus


@pytest.mark.parametrize(
    ("typed", "skus"),
    [
        *((q, {"MILL"}) for q in ("muller", "joerg mueller", "Jörg Müller", "jorg")),
        *((q, {"MILL", "GRAIN"}) for q in ("Müller", "mueller", "MÜLLER", "mu\u0308ller")),
        *((q, {"ISLES"}) for q in ("alesund", "aalesund", "Ålesund", "knausgaard", "Knausgård")),
        *((q, {"ISLES"}) for q in ("aero", "aeroe", "Ærø", "aase")),
    ],
)
def test_umlauts_and_rings_are_found_as_digraphs(found, typed, skus):
    assert found(typed) == skus


@pytest.mark.parametrize(
    ("typed", "skus"),
    [
        *((q, {"HINDI"}) for q in ("हिन्दी", "कहानी", "कहानी हिन्दी", "कहा")),
        *((q, {"RIVER"}) for q in ("नदी", "घर दूर")),
        ("हिन्", {"HINDI"}),
        ("हदन", set()),  # its consonants alone
    ],
)
def test_vowel_signs_are_parts_of_words(found, typed, skus):
    result = found(typed)
    assert result == skus


@pytest.mark.parametrize(
    ("typed", "skus"),
    [
        *((q, {"THAI"}) for q in ("แม่น้ำ", "ความทรงจำ", "ความทรงจำของแม่น้ำ")),
        *((q, {"LAO"}) for q in ("ແມ່ນໍ້າ", "ຄວາມ")),
        *((q, {"KHMER"}) for q in ("ទន្លេ", "ការចងចាំ")),
        *((q, {"BURMESE"}) for q in ("မြစ်", "အမှတ်တရ")),
        *((q, {"RAIN"}) for q in ("喫茶店", "雨", "葉子")),
    ],
)
def test_parts_of_texts_without_spaces_are_found(found, typed, skus):
    assert found(typed) == skus


@pytest.mark.parametrize("typed", ["salt & tide", "salt and tide", "salt und tide", "salt tide"])
def test_an_ampersand_is_found_in_words(save, skus, typed):
    save(edition("A", title="Salt & Tide"), edition("B", title="Salt"))
    assert skus(typed) == ["A"]


def test_keywords_and_series_are_found(save, skus):
    keyword = Subject("20", heading="Tide-Pools")
    save(
        edition("A", subjects=(keyword,)), edition("B", series=(Series("O\u2019Salt Papers", "2"),))
    )
    assert skus("tidepools") == skus("tide pools") == ["A"]
    assert skus("osalt") == ["B"]


def test_a_title_in_another_way_of_writing_is_the_best_match(save, skus):
    save(
        edition("TEXT", title="One", description="<p>An ebook reader.</p>"),
        edition("WITHIN", title="Every E-Book Reader"),
        edition("TITLE", title="E-Book Reader"),
    )
    assert skus("ebook reader") == ["TITLE", "WITHIN", "TEXT"]


def test_two_words_that_were_typed_as_one_are_separated(save, find):
    save(edition("A", title="Spider Wrens"), edition("B", title="Heron"))
    result = find("spiderwrens")
    assert (result.corrected, [work.listing.sku for work in result.works]) == (
        "spider wrens",
        ["A"],
    )


@pytest.mark.parametrize("end", [" b-c", " b'c", "\u00e9 b-c"])
def test_a_long_word_takes_linear_time(end):
    begun = time.process_time()
    assert all_words("a" * 200_000 + end)
    assert time.process_time() - begun < 20  # quadratic time is several minutes


@given(st.text(max_size=30))
def test_every_text_is_found_under_the_words_that_a_query_has_for_it(text):
    indexed = set(all_words(text))
    typed = tuple(dict.fromkeys(words(text)))
    assert all(indexed.intersection(term) for term in query_terms(typed, digraph_spellings(text)))
