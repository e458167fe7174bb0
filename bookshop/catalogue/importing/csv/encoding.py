"""Detects the encoding of a CSV file.

A file without a mark says nothing about its encoding, and most are short. Where it is not UTF-8,
the code page that Windows uses with the shop's language is taken, unless the text would be
implausible in it and is not in another one.
"""

from __future__ import annotations

import codecs
from typing import Final

from babel import Locale
from charset_normalizer import from_bytes

WESTERN: Final = "cp1252"
# The code pages of Windows by language: those of all others are WESTERN.
# https://learn.microsoft.com/windows/win32/intl/code-page-identifiers
_CODE_PAGES: Final = {
    **dict.fromkeys(("bs", "cs", "hr", "hu", "pl", "ro", "sk", "sl", "sq"), "cp1250"),
    **dict.fromkeys(("be", "bg", "kk", "ky", "mk", "mn", "ru", "sr", "uk"), "cp1251"),
    "el": "cp1253",
    **dict.fromkeys(("az", "tr", "uz"), "cp1254"),
    **dict.fromkeys(("he", "yi"), "cp1255"),
    **dict.fromkeys(("ar", "fa", "ps", "ur"), "cp1256"),
    **dict.fromkeys(("et", "lt", "lv"), "cp1257"),
    "vi": "cp1258",
    "th": "cp874",
    "ja": "cp932",
    "ko": "cp949",
    "zh": "gb18030",
    "zh_Hant": "cp950",
}
MACINTOSH: Final = "mac_roman"
# Those with one byte a letter: a few bytes of any text are plausible in the others.
_CANDIDATES: Final = (
    *(WESTERN, "cp1250", "cp1251", MACINTOSH, "cp1253", "cp1254", "cp1257"),
    *("cp1255", "cp1256", "cp1258", "cp874"),
)
_BOMS: Final = {  # the longer ones first
    codecs.BOM_UTF8: "utf-8-sig",
    codecs.BOM_UTF32_LE: "utf-32",
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}
MAX_EVIDENCE: Final = 64 * 1024  # bytes of lines that are not ASCII
MARGIN: Final = 10  # percentage points of implausible text by which another encoding must be better


def detect_encoding(sample: bytes, locale: str) -> str:
    """Return the Python codec of a file that begins with `sample`.

    A byte order mark decides, then whether the sample is UTF-8. `locale` is the shop's.
    """
    for bom, encoding in _BOMS.items():
        if sample.startswith(bom):
            return encoding
    if (utf_16 := _without_bom(sample)) is not None:
        return utf_16
    try:
        # Incremental, as the sample may end within a character.
        codecs.getincrementaldecoder("utf-8")().decode(sample)
    except UnicodeDecodeError:
        return _code_page_of(sample, locale)
    return "utf-8"


def code_page(locale: str) -> str:
    """Return the code page that Windows uses with a locale such as en_GB."""
    parsed = Locale.parse(locale)
    likely = Locale.parse(str(parsed), resolve_likely_subtags=True)
    if parsed.language == "zh" and (parsed.script or likely.script) == "Hant":
        return _CODE_PAGES["zh_Hant"]
    return _CODE_PAGES.get(parsed.language, WESTERN)


def _without_bom(sample: bytes) -> str | None:
    """Return the UTF-16 of a sample without a mark: the header's letters have a zero byte each."""
    head = sample[:16]
    if head.count(0) * 3 > len(head):
        return "utf-16-le" if head[0] else "utf-16-be"
    return None


def _code_page_of(sample: bytes, locale: str) -> str:
    """Return the locale's code page, or another one if the evidence for that is strong."""
    expected = code_page(locale)
    if expected == WESTERN and b"\n" not in sample:
        expected = MACINTOSH  # only programs of the old Macintosh end lines with CR alone
    lines = (line for line in sample.splitlines() if not line.isascii())
    evidence = b"\n".join(lines)[:MAX_EVIDENCE]
    # The text is about books: what it says about encodings is no evidence.
    candidates = list(dict.fromkeys((expected, *_CANDIDATES)))
    matches = from_bytes(evidence, cp_isolation=candidates, preemptive_behaviour=False)
    implausible = {
        encoding: match.percent_chaos
        for match in matches
        for encoding in match.could_be_from_charset
    }
    if not implausible:
        return expected
    least = min(implausible.values())
    for usual in (expected, WESTERN):
        if implausible.get(usual, 100) <= least + MARGIN:
            return usual
    return next(each for each in candidates if implausible.get(each) == least)
