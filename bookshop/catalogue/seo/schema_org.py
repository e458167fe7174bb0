"""Terms of schema.org for codes of the book trade and of the shop.

https://schema.org/docs/full.html
"""

from __future__ import annotations

from bookshop.catalogue.edition import AUTHOR
from bookshop.catalogue.forms import Format
from bookshop.catalogue.terms.availability import AvailabilityCode

THEMA_TERM_SET = "https://ns.editeur.org/thema/en"
FORMATS = {
    Format.HARDBACK: "https://schema.org/Hardcover",
    Format.PAPERBACK: "https://schema.org/Paperback",
    Format.EBOOK: "https://schema.org/EBook",
    Format.AUDIOBOOK: "https://schema.org/AudiobookFormat",
}
AVAILABILITIES = {
    AvailabilityCode.IN_STOCK: "https://schema.org/InStock",
    AvailabilityCode.LOW_STOCK: "https://schema.org/LimitedAvailability",
    AvailabilityCode.PREORDER: "https://schema.org/PreOrder",
    AvailabilityCode.FORTHCOMING: "https://schema.org/OutOfStock",  # cannot be ordered yet
    AvailabilityCode.OUT_OF_STOCK: "https://schema.org/OutOfStock",
    # It exists, and this shop does not sell it.
    AvailabilityCode.NOT_FOR_SALE: "https://schema.org/OutOfStock",
    AvailabilityCode.UNAVAILABLE: "https://schema.org/Discontinued",
}
# Contributor roles of ONIX list 17; all others are contributors.
ROLES = {
    AUTHOR: "author",
    "A12": "illustrator",
    "B01": "editor",
    "B06": "translator",
}
# Creators of content such as photographs: the authors of a book that has no author.
CREATOR_ROLES = frozenset(f"A{number:02}" for number in range(2, 15))
NARRATOR_ROLES = frozenset({"E03", "E07"})
ACCESSIBILITY_SUMMARY = "00"
# Accessibility features of ONIX list 196 that have an equivalent in schema.org's vocabulary:
# https://www.w3.org/community/reports/a11y-discov-vocab/CG-FINAL-crosswalk-20240906/
ACCESSIBILITY_FEATURES = {
    "05": "taggedPDF",
    "06": "taggedPDF",
    "11": "tableOfContents",
    "12": "index",
    "13": "readingOrder",
    "14": "alternativeText",
    "15": "longDescription",
    "16": "longDescription",
    "17": "MathML",
    "18": "ChemML",
    "19": "pageBreakMarkers",
    "20": "synchronizedAudioText",
    "21": "ttsMarkup",
    "27": "highContrastAudio",
    "29": "structuralNavigation",
    "30": "ARIA",
    "34": "MathML-chemistry",
    "35": "latex",
    "36": "displayTransformability",
    "37": "highContrastDisplay",
    "41": "pageNavigation",
    "53": "describedMath",
    "54": "latex-chemistry",
}
