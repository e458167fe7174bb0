import gzip
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bookshop.catalogue.importing.archives import EMPTY_ZIP_MAGIC, OLE_MAGIC, ZIP_MAGIC
from bookshop.catalogue.importing.files import GZIP_MAGIC, decompress
from bookshop.catalogue.importing.records import FeedError
from tests.unit.catalogue.importing.onix_files import stream

MAGICS = (GZIP_MAGIC, ZIP_MAGIC, EMPTY_ZIP_MAGIC, OLE_MAGIC)


@given(st.binary(max_size=300).filter(lambda content: not content.startswith(MAGICS)))
def test_a_compressed_feed_reads_like_the_plain_one(content):
    assert decompress(stream(content)).read() == content
    assert decompress(stream(gzip.compress(content))).read() == content


def test_concatenated_gzip_members_are_one_feed():
    assert decompress(stream(gzip.compress(b"a") + gzip.compress(b"b"))).read() == b"ab"


@given(st.data())
def test_a_damaged_file_raises_only_feed_errors(data):
    packed = bytearray(gzip.compress(b"Moss and stone. " * 20))
    packed[data.draw(st.integers(2, len(packed) - 1))] ^= data.draw(st.integers(1, 255))
    with suppress(FeedError):
        decompress(stream(bytes(packed))).read()


@pytest.mark.parametrize("length", [2, 5, 12, -1])
def test_a_truncated_file_raises_an_error(length):
    with pytest.raises(FeedError) as failed:
        decompress(stream(gzip.compress(b"Moss")[:length])).read()
    assert failed.value.code == "damaged_compression"


def test_a_decompression_bomb_is_read_in_chunks():
    assert len(decompress(stream(gzip.compress(bytes(50_000_000)))).read(1000)) == 1000
