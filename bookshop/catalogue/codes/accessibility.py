"""Accessibility features of e-books, ONIX list 196 (issue 71), as sentences for readers.

The headings and their order are those of the W3C's Accessibility Metadata Display Guide for Digital
Publications, https://www.w3.org/publishing/a11y/metadata-display-guide/. The sentences are our own.
https://ns.editeur.org/onix/en/196
"""

from __future__ import annotations

from enum import Enum
from typing import Any, Final

from bookshop.i18n import _


class Group(Enum):
    """The headings, in the order of a page."""

    READING = _("Ways of reading")
    CONFORMANCE = _("Conformance")
    NAVIGATION = _("Navigation")
    RICH_CONTENT = _("Rich content")
    ADDITIONAL = _("Additional accessibility information")
    LEGAL = _("Legal considerations")
    SUMMARY = _("Accessibility summary")
    CONTACT = _("More information")


_READING = {
    "10": _("No accessibility feature of the reading software is disabled."),
    "36": _("Text and page layout can be adjusted: size, font, spacing and colours."),
    "52": _("All content can be read aloud or in braille."),
    "51": _("All content is available as recorded audio."),
    "20": _("Recorded audio is synchronised with the text."),
    "39": _("Material supplied with the audiobook can be heard or read aloud."),
}
_CONFORMANCE = {
    "01": _("Conforms to the accessibility scheme of the Italian LIA foundation."),
    "02": _("Conforms to EPUB Accessibility 1.0 and WCAG level A."),
    "03": _("Conforms to EPUB Accessibility 1.0 and WCAG level AA."),
    "04": _("Conforms to EPUB Accessibility 1.1."),
    "05": _("Conforms to PDF/UA-1."),
    "06": _("Conforms to PDF/UA-2."),
    "80": _("Conforms to WCAG version 2.0."),
    "81": _("Conforms to WCAG version 2.1."),
    "82": _("Conforms to WCAG version 2.2."),
    "84": _("Conforms to WCAG at level A."),
    "85": _("Conforms to WCAG at level AA."),
    "86": _("Conforms to WCAG at level AAA."),
    "90": _("Certified by"),
    "93": _("Certified by"),
    "88": _("The certifier is accredited by"),
    "89": _("The certifier is accredited by"),
    "91": _("Last checked on"),
    "97": _("Tested with assistive technology"),
}
_NAVIGATION = {
    "11": _("The table of contents links to all chapters, sections and figures."),
    "12": _("The index links to the entries in the text."),
    "13": _("The reading order is logical."),
    "19": _("Page numbers match the printed book."),
    "29": _("Headings and chapters can be reached one after another."),
    "32": _("Landmarks link to the main parts."),
    "40": _("Links and buttons have meaningful labels."),
    "41": _("Pages can be reached by their numbers."),
}
_RICH_CONTENT = {
    "14": _("Images have short text descriptions."),
    "15": _("Images have full text descriptions."),
    "28": _("Images have full descriptions as recorded audio."),
    "16": _("Charts are also available as text or tables."),
    "17": _("Mathematical formulas are accessible (MathML)."),
    "35": _("Mathematical formulas are accessible (LaTeX)."),
    "53": _("Mathematical formulas are described in text."),
    "18": _("Chemical formulas are accessible (ChemML)."),
    "34": _("Chemical formulas are accessible (MathML)."),
    "54": _("Chemical formulas are accessible (LaTeX)."),
}
_ADDITIONAL = {
    "21": _("Pronunciation is marked for text-to-speech."),
    "22": _("The language of the text is marked for text-to-speech."),
    "24": _("The layout is designed for readers with dyslexia."),
    "25": _("Colour is never the only means of conveying information."),
    "26": _("Text has high contrast with its background."),
    "37": _("Text has very high contrast with its background."),
    "27": _("Speech is clearly louder than background sound."),
    "30": _("Parts are marked for assistive technology (ARIA roles)."),
    "31": _("Interactive parts can be paused, slowed down and restarted."),
    "38": _("Unusual words and abbreviations are explained."),
}
_LEGAL = {
    "75": _("Exempt from accessibility law: the publisher is a microenterprise."),
    "76": _("Exempt from accessibility law: disproportionate burden."),
    "77": _("Exempt from accessibility law: fundamental alteration of the product."),
}
_SUMMARY = {
    "00": _("The publisher states"),
    "92": _("The publisher adds"),
    "08": _("Accessibility has not been assessed."),
    "09": _("Known to be inaccessible to assistive technology."),
}
_CONTACT = {
    "94": _("Statement of conformance"),
    "95": _("Information from an accessibility organisation"),
    "96": _("Information from the publisher"),
    "98": _("Contact an accessibility organisation"),
    "99": _("Contact the publisher"),
}
FEATURES: Final[dict[Group, dict[str, Any]]] = {
    Group.READING: _READING,
    Group.CONFORMANCE: _CONFORMANCE,
    Group.NAVIGATION: _NAVIGATION,
    Group.RICH_CONTENT: _RICH_CONTENT,
    Group.ADDITIONAL: _ADDITIONAL,
    Group.LEGAL: _LEGAL,
    Group.SUMMARY: _SUMMARY,
    Group.CONTACT: _CONTACT,
}
# Shown only with the text of the record: a name, a date, an address.
TEXT_REQUIRED: Final = frozenset({"00", *map(str, range(88, 100))})
EMAIL_CODES: Final = frozenset({"98", "99"})
DATE_CODES: Final = frozenset({"91"})
