"""Rows that cannot be read: each is refused alone, with its line and the true reason."""

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bookshop.catalogue.importing.csv import reader, row_reader
from bookshop.catalogue.importing.records import FeedError, FileReport, InvalidRecord, ReadOptions
from tests.unit.catalogue.importing.onix_files import ISBNS

HEADER = "isbn,title,price\n"


def records(content, encoding=None):
    data = content if isinstance(content, bytes) else content.encode()
    options = ReadOptions("GBP", "en_GB", encoding)
    return list(reader.read(io.BytesIO(data), options, FileReport("feed.csv")))


def three(cell):
    """Three rows, with a cell as the title of the second."""
    rows = zip(ISBNS, ("Moss", cell, "Stone"), strict=False)
    return HEADER + "".join(f"{isbn},{title},9.99\n" for isbn, title in rows)


@pytest.mark.parametrize(
    ("cell", "words"),
    [
        ('"The "Big" Lamp"', "twice"),
        ('"The Big Lamp', "end"),
        (f'"{"x" * 1_100_000}"', "1,048,576"),
        ("x" * 5_000_000, "4,194,304"),
    ],
)
def test_a_row_that_is_not_valid_is_refused_and_the_next_one_is_read(cell, words):
    first, refused, third = records(three(cell))
    assert (first.edition().title, third.edition().title) == ("Moss", "Stone")
    assert isinstance(refused, InvalidRecord)
    assert (refused.code, refused.line, refused.isbn) == ("invalid_csv", 3, ISBNS[1])
    assert words in refused.reason
    assert third.line == 4


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_lines_are_counted_after_a_row_that_is_not_valid(end):
    content = three('"The Big Lamp').replace("\n", end) + f'{end}{ISBNS[3]},"Two{end}lines",1{end}'
    assert [parsed.line for parsed in records(content)] == [2, 3, 4, 6]
    assert records(content)[-1].edition().title == "Two lines"


def test_a_row_with_bytes_of_another_encoding_is_refused_alone():
    rows = b"".join(b"%d,ok,1\n" % number for number in range(50_000))
    content = HEADER.encode() + rows + three("Caf\xe9").partition("\n")[2].encode("latin-1")
    *_, first, refused, third = records(content)
    assert (refused.code, refused.isbn, refused.line) == ("invalid_encoding", ISBNS[1], 50_003)
    assert (first.edition().title, third.edition().title) == ("Moss", "Stone")


def test_a_row_with_too_many_values_names_its_isbn():
    [refused] = records(f"{HEADER}{ISBNS[0]},Moss,and more,9.99\n")
    assert (refused.code, refused.isbn) == ("too_many_values", ISBNS[0])


def test_an_endless_line_is_not_read_to_its_end():
    class Endless(io.RawIOBase):
        read_bytes = 0

        def readable(self):
            return True

        def readinto(self, buffer):
            start = b"isbn,title\n1," if not self.read_bytes else b""
            buffer[:] = start + b"x" * (len(buffer) - len(start))
            self.read_bytes += len(buffer)
            return len(buffer)

    endless = Endless()
    options = ReadOptions("GBP", "en_GB", None)
    with pytest.raises(FeedError) as failed:
        list(reader.read(io.BufferedReader(endless), options, FileReport("feed.csv")))
    assert failed.value.code == "line_too_long"
    assert endless.read_bytes < 2 * row_reader.MAX_LINE_LENGTH


@given(st.text('ab",\n', max_size=60))
def test_damage_in_one_row_never_costs_the_rows_before_and_after(noise):
    first, last = f"{ISBNS[0]},Moss,1\n", f"\n{ISBNS[2]},Stone,1\n" * 2
    skus = [parsed.sku() for parsed in records(f"{HEADER}{first}{noise}{last}")]
    assert (skus[0], skus[-1]) == (ISBNS[0], ISBNS[2])
