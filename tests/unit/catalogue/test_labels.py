"""Labels of the book trade's codes."""

import re

import pytest

from bookshop.catalogue import labels
from bookshop.catalogue.codes.accessibility import FEATURES, TEXT_REQUIRED, Group
from bookshop.catalogue.codes.product_forms import FORMS, KINDS
from bookshop.catalogue.codes.roles import ROLES
from bookshop.catalogue.codes.subjects import SUBJECTS
from bookshop.catalogue.edition import Feature

# ONIX code list 196, issue 71: https://ns.editeur.org/onix/en/196
LIST_196 = (
    {
        *(f"{code:02}" for code in range(100)),
    }
    - {"07", "23", "33", "55", "78", "79", "83", "87"}
    - {*(str(code) for code in (*range(42, 51), *range(56, 75)))}
)
TABLES = {"forms": FORMS, "kinds": KINDS, "roles": ROLES, "subjects": SUBJECTS} | {
    group.name: labels for group, labels in FEATURES.items()
}


@pytest.mark.parametrize(
    ("key", "text"),
    [
        ("BB", "Hardback"),
        ("BH", "Board book"),
        ("ED.EPUB", "E-book (EPUB)"),
        ("EA.KINDLE", "E-book (Kindle)"),
        ("ED", "E-book"),
        ("EC.PDF", "E-book (online)"),
        ("AC.MP3", "Audiobook (MP3 CD)"),
        ("AC", "Audiobook (CD)"),
        ("AJ", "Audiobook (download)"),
        ("AZ", "Audiobook"),
        ("CA", "Map"),
        ("ZE", "Game"),
        ("ZZ", "Gift"),
        ("SA", "Set"),
        ("BA", "Book"),
        ("00", "Book"),
        ("", "Book"),
    ],
)
def test_form_texts(key, text):
    assert labels.form(key) == text


@pytest.mark.parametrize(
    ("code", "text"),
    [("A01", "Author"), ("A23", "Foreword"), ("B06", "Translator"), ("Z99", "Contributor")],
)
def test_role_texts(code, text):
    assert labels.role(code) == text


@pytest.mark.parametrize(
    ("code", "text"),
    [
        ("FBA", "Modern fiction"),
        ("F", "Fiction"),
        # Without a label of its own: the nearest ancestor's.
        ("FBAX9", "Modern fiction"),
        ("TVHH", "Beekeeping"),
        ("TVHE", "Animal husbandry"),
        ("1DDU", None),
        ("E", None),
        ("", None),
    ],
)
def test_subject_texts(code, text):
    assert labels.subject(code) == text


def test_subject_path_starts_with_the_broadest_subject():
    codes = ("W", "WB", "WBV", "WBVS", "WBVS2")
    assert labels.subject_path("WBVS2") == tuple((code, labels.subject(code)) for code in codes)
    assert labels.subject_path("1DDU") == ()


@pytest.mark.parametrize("code", SUBJECTS)
def test_all_ancestors_of_a_subject_have_labels(code):
    assert [each for each, _text in labels.subject_path(code)] == [
        code[:length] for length in range(1, len(code) + 1)
    ]


@pytest.mark.parametrize("table", TABLES.values(), ids=TABLES)
def test_all_labels_are_translatable_and_trimmed(table):
    for text in table.values():
        assert text.domain == "bookshop"
        assert re.fullmatch(r"\S(.*\S)?", text)


def test_codes_have_the_format_of_their_lists():
    assert all(re.fullmatch(r"[A-Z][A-Z0-9]*", code) for code in SUBJECTS)
    assert {code[0] for code in SUBJECTS if len(code) == 1} == set("ACDFGJKLMNPQRSTUVWXY")
    assert all(re.fullmatch(r"[A-FZ][0-9]{2}", code) for code in ROLES)
    assert all(re.fullmatch(r"[A-Z]{2}(\.[A-Z0-9]+)?", code) for code in FORMS)
    assert {key[0] for key in FORMS} <= set(KINDS)


# --- accessibility


def test_each_accessibility_code_is_in_one_group():
    codes = [code for labels in FEATURES.values() for code in labels]
    assert sorted(codes) == sorted(LIST_196)
    assert set(FEATURES) == set(Group)
    assert set(codes) >= TEXT_REQUIRED


def test_facts_are_grouped_in_the_order_of_the_page():
    features = [
        Feature("99", "help@publisher.example"),
        Feature("14"),
        Feature("85"),
        Feature("00", "Works with screen readers."),
        Feature("11"),
        Feature("81"),
    ]
    grouped = labels.accessibility(features)
    groups = (Group.CONFORMANCE, Group.NAVIGATION, Group.RICH_CONTENT, Group.SUMMARY, Group.CONTACT)
    assert [heading for heading, _facts in grouped] == [group.value for group in groups]
    assert [
        (fact.label, fact.detail, fact.url) for _heading, facts in grouped for fact in facts
    ] == [
        (FEATURES[Group.CONFORMANCE]["81"], None, None),
        (FEATURES[Group.CONFORMANCE]["85"], None, None),
        (FEATURES[Group.NAVIGATION]["11"], None, None),
        (FEATURES[Group.RICH_CONTENT]["14"], None, None),
        (FEATURES[Group.SUMMARY]["00"], "Works with screen readers.", None),
        (
            FEATURES[Group.CONTACT]["99"],
            "help@publisher.example",
            "mailto:help@publisher.example",
        ),
    ]


@pytest.mark.parametrize(
    ("code", "text", "detail", "url"),
    [
        ("96", "https://a.example/x", "https://a.example/x", "https://a.example/x"),
        ("04", "http://a.example/x", "http://a.example/x", "http://a.example/x"),
        ("96", "javascript:alert(1)", "javascript:alert(1)", None),
        ("98", "not an address", "not an address", None),
        ("90", "who@checks.example", "who@checks.example", None),
        ("91", "20260131", "2026-01-31", None),
        ("91", "last winter", "last winter", None),
    ],
)
def test_only_safe_addresses_become_links(code, text, detail, url):
    [(_heading, [fact])] = labels.accessibility([Feature(code, text)])
    assert (fact.detail, fact.url) == (detail, url)


def test_repeated_features_are_all_kept():
    features = [Feature("90", "One"), Feature("90", "Other")]
    [(_heading, facts)] = labels.accessibility(features)
    assert [fact.detail for fact in facts] == ["One", "Other"]


@pytest.mark.parametrize("features", [[], [Feature("07")], [Feature("90")], [Feature("99", "")]])
def test_features_without_meaning_are_left_out(features):
    assert labels.accessibility(features) == []


# --- languages


@pytest.mark.parametrize(
    ("code", "locale", "name"),
    [
        ("eng", "en_GB", "English"),
        ("eng", "de_DE", "Englisch"),
        ("ger", "en_GB", "German"),
        ("deu", "en_GB", "German"),
        ("fre", "fr_FR", "français"),
        ("grc", "en_GB", "Ancient Greek"),
        ("und", "en_GB", "Unknown language"),
        ("mul", "en_GB", "Multiple languages"),
        ("zxx", "en_GB", "No linguistic content"),
        ("mul", "de_DE", "Mehrsprachig"),
        ("hbs", "en_GB", "Serbian"),
        ("qqq", "en_GB", "Unknown language"),
        ("mis", "en_GB", "Unknown language"),
        ("not a code", "en_GB", "Unknown language"),
        ("", "en_GB", "Unknown language"),
    ],
)
def test_language_names_in_the_locale(code, locale, name):
    assert labels.language(code, locale) == name


@pytest.mark.parametrize(
    ("code", "tag"),
    [
        ("eng", "en"),
        ("grc", "grc"),
        ("hbs", "sr-Latn"),
        ("und", "und"),
        ("mul", "und"),
        ("zxx", "und"),
        ("mis", "und"),
        ("not a code", "und"),
        ("", "und"),
    ],
)
def test_texts_of_an_unknown_language_are_not_in_that_of_the_page(code, tag):
    assert labels.language_tag(code) == tag
