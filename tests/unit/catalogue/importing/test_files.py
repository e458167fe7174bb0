import gzip
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bookshop.catalogue.importing.files import GZIP, opened
from bookshop.catalogue.importing.records import FeedError
from tests.unit.catalogue.importing.onix_files import stream


@given(st.binary(max_size=300).filter(lambda content: not content.startswith(GZIP)))
def test_a_feed_is_the_same_plain_and_compressed(content):
    assert opened(stream(content)).read() == content
    assert opened(stream(gzip.compress(content))).read() == content


def test_parts_that_were_compressed_one_by_one_are_one_feed():
    assert opened(stream(gzip.compress(b"a") + gzip.compress(b"b"))).read() == b"ab"


@given(st.data())
def test_a_damaged_file_is_an_error_and_no_other_is_raised(data):
    packed = bytearray(gzip.compress(b"Moss and stone. " * 20))
    packed[data.draw(st.integers(2, len(packed) - 1))] ^= data.draw(st.integers(1, 255))
    with suppress(FeedError):
        opened(stream(bytes(packed))).read()


@pytest.mark.parametrize("length", [2, 5, 12, -1])
def test_a_file_that_is_cut_off_is_an_error(length):
    with pytest.raises(FeedError, match="cut off"):
        opened(stream(gzip.compress(b"Moss")[:length])).read()


def test_a_bomb_is_read_piece_by_piece():
    assert len(opened(stream(gzip.compress(bytes(50_000_000)))).read(1000)) == 1000
