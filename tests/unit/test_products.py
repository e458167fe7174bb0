"""Product classes of ONIX product forms."""

import pytest

from bookshop.products import ProductClass, product_class


@pytest.mark.parametrize(
    ("form", "expected", "download"),
    [
        ("BB", ProductClass.PRINT, False),
        ("BC", ProductClass.PRINT, False),
        ("", ProductClass.PRINT, False),
        ("ED", ProductClass.EBOOK, True),
        ("EA", ProductClass.EBOOK, True),
        ("AJ", ProductClass.AUDIO_DOWNLOAD, True),
        ("AJ.MP3", ProductClass.AUDIO_DOWNLOAD, True),
        ("ED.EPUB", ProductClass.EBOOK, True),
        ("AN", ProductClass.AUDIO_DOWNLOAD, True),
        ("AO", ProductClass.AUDIO_DOWNLOAD, True),
        ("AC", ProductClass.AUDIO_MEDIA, False),
        ("PC", ProductClass.OTHER, False),
        ("ZZ", ProductClass.OTHER, False),
    ],
)
def test_class_of_a_product_form(form, expected, download):
    assert product_class(form) is expected
    assert expected.is_download is download
