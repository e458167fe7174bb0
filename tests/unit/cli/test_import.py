"""`bookshop import` and `bookshop export`."""

import csv
import gzip
import json

import pytest

from bookshop.catalogue.importing import importer
from tests.unit.catalogue.importing.onix_files import ISBNS, message, record


@pytest.fixture(autouse=True)
def current(run):
    """The shop's own currency and country, as `migrate` makes its listings."""
    assert run("migrate").exit_code == 0


@pytest.fixture
def feed(folder):
    """A file of two books, and one whose ISBN is wrong."""
    path = folder / "feed.xml"
    records = (record("a", isbn=ISBNS[0]), record("b", isbn=ISBNS[1]), record("c", isbn="1"))
    path.write_bytes(message(*records))
    return path


def counts(result):
    told = json.loads(result.stdout)
    return {name: told[name] for name in ("new", "changed", "unchanged", "deleted", "refused")}


def test_a_feed_is_imported_once_and_says_what_came_of_it(run, feed):
    first, again = run("import", str(feed), "--json"), run("import", str(feed), "--json")
    assert first.exit_code == again.exit_code == 1  # something was refused
    none = {"new": 0, "changed": 0, "unchanged": 0, "deleted": 0, "refused": 1}
    assert counts(first) == {**none, "new": 2}
    assert counts(again) == {**none, "unchanged": 2}
    [error] = json.loads(first.stdout)["errors"]
    assert set(error) == {"record", "line", "isbn", "reason"}
    assert (error["record"], error["isbn"]) == ("c", "1")


def test_what_was_refused_is_told_and_kept_to_be_mended(run, feed, folder):
    result = run("import", str(feed))
    assert "2 new" in result.stdout
    assert "The ISBN 1 is wrong" in result.stdout
    kept = folder / "feed.xml.refused.xml"
    assert str(kept) in result.stdout
    kept.write_bytes(kept.read_bytes().replace(b">1<", f">{ISBNS[2]}<".encode()))
    mended = run("import", str(kept), "--json")
    assert mended.exit_code == 0, mended.output
    assert counts(mended)["new"] == 1


def test_a_dry_run_changes_nothing_and_leaves_no_file(run, feed, folder):
    assert counts(run("import", str(feed), "--dry-run", "--json"))["new"] == 2
    assert counts(run("import", str(feed), "--dry-run", "--json"))["new"] == 2
    assert not list(folder.glob("*.refused.*"))


def test_a_compressed_file_is_imported(run, folder):
    path = folder / "feed.xml.gz"
    path.write_bytes(gzip.compress(message(record())))
    result = run("import", str(path), "--json")
    assert (result.exit_code, counts(result)["new"]) == (0, 1)


def test_what_is_exported_is_imported_as_it_was(run, feed, folder):
    run("import", str(feed))
    out = folder / "books.csv"
    assert run("export", str(out)).stdout == f"2 books are in {out}.\n"
    with out.open(encoding="utf-8-sig", newline="") as file:
        assert [row["isbn"] for row in csv.DictReader(file)] == list(ISBNS[:2])
    result = run("import", str(out), "--json")
    assert result.exit_code == 0, result.output
    assert counts(result)["unchanged"] == 2
    assert len(run("export").stdout.splitlines()) == 3


def test_a_file_that_is_no_feed_is_told_in_words(run, folder):
    path = folder / "old.xml"
    path.write_bytes(message(record(), release="2.1"))
    result = run("import", str(path))
    assert result.exit_code == 1
    assert "ONIX 2.1" in result.output


def test_a_file_that_is_not_there_is_wrong_usage(run):
    assert run("import", "nowhere.xml").exit_code == 2


def test_a_feed_that_is_old_news_is_not_even_read(run, feed, monkeypatch):
    run("import", str(feed))
    monkeypatch.setattr("bookshop.catalogue.importing.onix.records.whole", None)
    records = (record("a", isbn=ISBNS[0]), record("b", isbn=ISBNS[1]))
    feed.write_bytes(message(*records))
    assert counts(run("import", str(feed), "--json"))["unchanged"] == 2


def test_an_import_that_goes_on_keeps_what_was_refused_before(run, feed, monkeypatch):
    monkeypatch.setattr(importer, "BATCHES", {"sqlite": 1, "postgresql": 1})
    real, calls = importer.put, []

    def dies(*told):
        calls.append(told)
        if len(calls) > 2:
            raise KeyboardInterrupt
        real(*told)

    records = [record("c", isbn="1"), record("a", isbn=ISBNS[0]), record("b", isbn=ISBNS[1])]
    feed.write_bytes(message(*records, record("d", isbn="2")))
    with monkeypatch.context() as patch:
        patch.setattr(importer, "put", dies)
        assert run("import", str(feed)).exit_code == 1  # Ctrl-C
    result = run("import", str(feed))
    assert "Went on after 2 records" in result.stdout
    kept = feed.with_name("feed.xml.refused.xml").read_text()
    assert [f"The ISBN {number} is wrong" in kept for number in (1, 2)] == [True, True]
