"""Product classes: what a line sells, for tax and delivery."""

from __future__ import annotations

from enum import StrEnum

#: Audio that is downloaded or streamed, of ONIX list 150, ProductForm.
_AUDIO_DOWNLOADS = frozenset({"AJ", "AN", "AO"})


class ProductClass(StrEnum):
    """The classes that tax laws and delivery tell apart."""

    PRINT = "print"
    EBOOK = "ebook"
    AUDIO_DOWNLOAD = "audio_download"
    AUDIO_MEDIA = "audio_media"
    OTHER = "other"

    @property
    def is_download(self) -> bool:
        """True if it is delivered electronically: it needs no address and no parcel."""
        return self in {ProductClass.EBOOK, ProductClass.AUDIO_DOWNLOAD}


def product_class(form: str) -> ProductClass:
    """Return the class of a ProductForm (ONIX list 150), with or without its details: AJ.MP3."""
    if form[:2] in _AUDIO_DOWNLOADS:
        return ProductClass.AUDIO_DOWNLOAD
    classes = {
        "A": ProductClass.AUDIO_MEDIA,
        "B": ProductClass.PRINT,
        "E": ProductClass.EBOOK,
        "": ProductClass.PRINT,
    }
    return classes.get(form[:1], ProductClass.OTHER)
