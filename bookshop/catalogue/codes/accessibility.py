"""Facts about the accessibility of e-books, ONIX list 196 (issue 71), in sentences for readers.

https://ns.editeur.org/onix/en/196
"""

from __future__ import annotations

from enum import Enum
from typing import Any, Final

from bookshop.i18n import _


class Group(Enum):
    """What readers look for, in the order of a page; the value is the heading."""

    SUMMARY = _("In short")
    READING = _("Fitting the text to your eyes")
    ALOUD = _("Reading aloud")
    NAVIGATION = _("Finding your way")
    IMAGES = _("Pictures, formulas and charts")
    CONFORMANCE = _("Standards and checks")
    CONTACT = _("Questions and details")


_READING = {
    "10": _("Nothing that your reading software can do is switched off."),
    "24": _("Set so that readers with dyslexia find it easier."),
    "25": _("Nothing is told by colour alone."),
    "26": _("Text stands out from its background with high contrast."),
    "36": _("You can change size, typeface, spacing and colours of all text."),
    "37": _("Text stands out from its background with very high contrast."),
    "38": _("Unusual words and abbreviations are explained."),
}
_ALOUD = {
    "20": _("Recorded speech runs in step with the text."),
    "21": _("Prepared so that a computer voice pronounces it well."),
    "22": _("The language of the text is marked, so that a computer voice reads it rightly."),
    "27": _("Voices stand out clearly from background sound."),
    "39": _("What comes with the audiobook can be heard or read aloud, too."),
    "51": _("Everything can be heard as recorded speech."),
    "52": _("Everything can be read without sight, by voice or in braille."),
}
_NAVIGATION = {
    "11": _("The table of contents leads to every chapter, section and figure."),
    "12": _("The index leads to the places that it names."),
    "13": _("Text follows one logical order."),
    "19": _("Page numbers are those of the printed book."),
    "29": _("You can go to the next or previous heading or chapter."),
    "30": _("Its parts are marked for assistive software (ARIA)."),
    "31": _("Interactive parts can be paused, slowed down and started again."),
    "32": _("Landmarks lead to the main parts."),
    "40": _("Links and buttons say where they lead and what they do."),
    "41": _("You can go to a page by its number."),
}
_IMAGES = {
    "14": _("Pictures have short descriptions in text."),
    "15": _("Pictures have full descriptions in text."),
    "16": _("What charts show is there as text or tables, too."),
    "17": _("Mathematical formulas are accessible (MathML)."),
    "18": _("Chemical formulas are accessible (ChemML)."),
    "28": _("Pictures have full descriptions as recorded speech."),
    "34": _("Chemical formulas are accessible (MathML)."),
    "35": _("Mathematical formulas are accessible (LaTeX)."),
    "53": _("Mathematical formulas are described in text."),
    "54": _("Chemical formulas are accessible (LaTeX)."),
}
_CONFORMANCE = {
    "01": _("Follows the accessibility scheme of the Italian LIA foundation."),
    "02": _("Meets EPUB Accessibility 1.0 and WCAG level A."),
    "03": _("Meets EPUB Accessibility 1.0 and WCAG level AA."),
    "04": _("Meets EPUB Accessibility 1.1."),
    "05": _("Meets PDF/UA-1, the standard for accessible PDFs."),
    "06": _("Meets PDF/UA-2, the standard for accessible PDFs."),
    "75": _("The law on accessibility excepts it: its publisher is a very small business."),
    "76": _("The law on accessibility excepts it: the burden would be out of proportion."),
    "77": _("The law on accessibility excepts it: it would have to become another product."),
    "80": _("Meets version 2.0 of the guidelines for accessible web content (WCAG)."),
    "81": _("Meets version 2.1 of the guidelines for accessible web content (WCAG)."),
    "82": _("Meets version 2.2 of the guidelines for accessible web content (WCAG)."),
    "84": _("Meets these guidelines at level A."),
    "85": _("Meets these guidelines at level AA."),
    "86": _("Meets these guidelines at level AAA."),
    "88": _("Whoever certified it is accredited by"),
    "89": _("Whoever certified it is accredited by"),
    "90": _("Certified by"),
    "91": _("Last checked on"),
    "93": _("Certified by"),
    "97": _("Tested with assistive software"),
}
_SUMMARY = {
    "00": _("The publisher says"),
    "08": _("Nobody has checked yet how accessible it is."),
    "09": _("Known to be hard to use with assistive software."),
    "92": _("The publisher adds"),
}
_CONTACT = {
    "94": _("About its conformance"),
    "95": _("More from an organisation for accessible books"),
    "96": _("More from the publisher"),
    "98": _("Ask an organisation for accessible books"),
    "99": _("Ask the publisher"),
}
FACTS: Final[dict[Group, dict[str, Any]]] = {
    Group.SUMMARY: _SUMMARY,
    Group.READING: _READING,
    Group.ALOUD: _ALOUD,
    Group.NAVIGATION: _NAVIGATION,
    Group.IMAGES: _IMAGES,
    Group.CONFORMANCE: _CONFORMANCE,
    Group.CONTACT: _CONTACT,
}
# Only what comes with these makes sense of them: a name, a day, an address.
NEED_DETAIL: Final = frozenset({"00", *map(str, range(88, 100))})
MAILBOXES: Final = frozenset({"98", "99"})
DAYS: Final = frozenset({"91"})
