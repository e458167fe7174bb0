"""`bookshop import` and `bookshop export`."""

import csv
import gzip
import json
import stat
import zipfile

import pytest

from bookshop.catalogue.importing import importer
from tests.unit.catalogue.importing.onix_files import ISBNS, message, record


@pytest.fixture(autouse=True)
def current(run):
    """A migrated database."""
    assert run("migrate").exit_code == 0


@pytest.fixture
def feed(folder):
    """A file of two valid records, and one with an invalid ISBN."""
    path = folder / "feed.xml"
    records = (record("a", isbn=ISBNS[0]), record("b", isbn=ISBNS[1]), record("c", isbn="1"))
    path.write_bytes(message(*records))
    return path


def counts(result):
    summary = json.loads(result.stdout)
    return {name: summary[name] for name in ("new", "changed", "unchanged", "deleted", "refused")}


def test_counts_and_errors_are_printed_as_json(run, feed):
    first, again = run("import", str(feed), "--json"), run("import", str(feed), "--json")
    assert first.exit_code == again.exit_code == 1  # something was refused
    none = {"new": 0, "changed": 0, "unchanged": 0, "deleted": 0, "refused": 1}
    assert counts(first) == {**none, "new": 2}
    assert counts(again) == {**none, "unchanged": 2}
    [error] = json.loads(first.stdout)["errors"]
    assert set(error) == {"record", "line", "isbn", "code", "reason"}
    assert (error["record"], error["isbn"], error["code"]) == ("c", "1", "invalid_isbn")


def test_a_corrected_file_of_refused_records_is_imported(run, feed, folder):
    result = run("import", str(feed))
    assert "2 new" in result.stdout
    kept = folder / "feed.xml.refused.xml"
    assert str(kept) in result.stdout
    kept.write_bytes(kept.read_bytes().replace(b">1<", f">{ISBNS[2]}<".encode()))
    corrected = run("import", str(kept), "--json")
    assert corrected.exit_code == 0, corrected.output
    assert counts(corrected)["new"] == 1


def test_a_dry_run_changes_nothing_and_leaves_no_file(run, feed, folder):
    assert counts(run("import", str(feed), "--dry-run", "--json"))["new"] == 2
    assert counts(run("import", str(feed), "--dry-run", "--json"))["new"] == 2
    assert not list(folder.glob("*.refused.*"))


def test_a_compressed_file_is_imported(run, folder):
    path = folder / "feed.xml.gz"
    path.write_bytes(gzip.compress(message(record())))
    result = run("import", str(path), "--json")
    assert (result.exit_code, counts(result)["new"]) == (0, 1)


def test_an_export_is_imported_without_changes(run, feed, folder):
    run("import", str(feed))
    out = folder / "books.csv"
    assert run("export", str(out)).exit_code == 0
    with out.open(encoding="utf-8-sig", newline="") as file:
        assert [row["isbn"] for row in csv.DictReader(file)] == list(ISBNS[:2])
    result = run("import", str(out), "--json")
    assert result.exit_code == 0, result.output
    assert counts(result)["unchanged"] == 2
    assert len(run("export").stdout.splitlines()) == 3


def test_an_unreadable_file_exits_with_1(run, folder):
    path = folder / "old.xml"
    path.write_bytes(message(record(), release="2.1"))
    result = run("import", str(path), "--json")
    assert result.exit_code == 1
    assert json.loads(result.stdout)["stopped"]


def test_a_missing_file_is_a_usage_error(run):
    assert run("import", "nowhere.xml").exit_code == 2


def test_unchanged_records_are_not_mapped(run, feed, monkeypatch):
    run("import", str(feed))
    monkeypatch.setattr("bookshop.catalogue.importing.onix.records.map_product", None)
    records = (record("a", isbn=ISBNS[0]), record("b", isbn=ISBNS[1]))
    feed.write_bytes(message(*records))
    assert counts(run("import", str(feed), "--json"))["unchanged"] == 2


def test_refused_records_are_never_written_through_a_link(run, feed, folder):
    precious = folder / "precious"
    precious.write_text("kept")
    kept = folder / "feed.xml.refused.xml"
    kept.symlink_to(precious)
    run("import", str(feed))
    assert precious.read_text() == "kept"
    assert stat.S_IMODE(kept.lstat().st_mode) == 0o600
    assert "<IDValue>1</IDValue>" in kept.read_text()


def test_refused_rows_cannot_run_formulas_and_can_be_imported_again(run, folder):
    path = folder / "sheet.csv"
    title = '=HYPERLINK("https://evil.example")'
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([("isbn", "title"), ("1", title), ("2", "\uff1d1")])
    run("import", str(path))
    kept = folder / "sheet.csv.refused.csv"
    rows = list(csv.reader(kept.read_text("utf-8-sig").splitlines()))
    assert [row[2] for row in rows[1:]] == [f"'{title}", "'\uff1d1"]

    kept.write_text(kept.read_text("utf-8").replace(",1,", f",{ISBNS[2]},"), "utf-8")
    run("import", str(kept))
    exported = list(csv.DictReader(run("export").stdout.splitlines()))
    assert [row["title"] for row in exported] == [f"'{title}"]


def test_an_export_is_not_written_through_a_link(run, feed, folder):
    run("import", str(feed))
    precious = folder / "precious"
    precious.write_text("kept")
    (folder / ".books.csv.part").symlink_to(precious)
    assert run("export", str(folder / "books.csv")).exit_code == 0
    assert precious.read_text() == "kept"
    assert ISBNS[0] in (folder / "books.csv").read_text()


def test_a_resumed_import_keeps_earlier_refused_records(run, feed, monkeypatch):
    monkeypatch.setattr(importer, "BATCH_SIZES", {"sqlite": 1, "postgresql": 1})
    real, calls = importer.save_books, []

    def interrupt(*arguments):
        calls.append(arguments)
        if len(calls) > 2:
            raise KeyboardInterrupt
        real(*arguments)

    records = [record("c", isbn="1"), record("a", isbn=ISBNS[0]), record("b", isbn=ISBNS[1])]
    feed.write_bytes(message(*records, record("d", isbn="2")))
    with monkeypatch.context() as patch:
        patch.setattr(importer, "save_books", interrupt)
        assert run("import", str(feed)).exit_code == 1  # Ctrl-C
    result = run("import", str(feed), "--json")
    assert json.loads(result.stdout)["skipped"] == 2
    kept = feed.with_name("feed.xml.refused.xml").read_text()
    assert [f"<IDValue>{number}</IDValue>" in kept for number in (1, 2)] == [True, True]


def test_the_encoding_and_columns_that_are_not_read_are_named_in_text_and_json(run, folder):
    path = folder / "sheet.csv"
    path.write_bytes(f"isbn;title;Colour\n{ISBNS[0]};La montaña;red\n".encode("cp1252"))
    [report] = json.loads(run("import", str(path), "--dry-run", "--json").stdout)["files"]
    assert report == {"name": "sheet.csv", "encoding": "cp1252", "unread_columns": ["Colour"]}
    printed = run("import", str(path), "--dry-run").stdout
    assert "cp1252" in printed
    assert "Colour" in printed


def test_the_encoding_of_a_sheet_can_be_named(run, folder):
    path = folder / "sheet.csv"
    path.write_bytes(f"isbn;title\n{ISBNS[0]};Ålund\n".encode("mac_roman"))
    result = run("import", str(path), "--encoding", "macintosh", "--json")
    [report] = json.loads(result.stdout)["files"]
    assert report["encoding"] == "mac-roman"
    assert "Ålund" in run("export").stdout


@pytest.mark.parametrize("encoding", ["klingon", "base64", "undefined"])
def test_an_unknown_encoding_is_a_usage_error(run, feed, encoding):
    assert run("import", str(feed), "--encoding", encoding).exit_code == 2


def test_a_workbook_is_named_as_such(run, folder):
    path = folder / "books.xlsx"
    with zipfile.ZipFile(path, "w") as workbook:
        workbook.writestr("[Content_Types].xml", "<Types/>")
    result = run("import", str(path), "--json")
    assert result.exit_code == 1
    assert "workbook" in json.loads(result.stdout)["stopped"]
