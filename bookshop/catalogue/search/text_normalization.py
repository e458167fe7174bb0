"""Text as people type it who look for it: lower case, without accents, in words.

Both databases index what is written here, so that they find the same.
"""

from __future__ import annotations

import re
import unicodedata

# Letters that Unicode does not take apart.
_LETTERS = str.maketrans(
    {
        "ø": "o",
        "ł": "l",
        "đ": "d",
        "ð": "d",
        "þ": "th",
        "æ": "ae",
        "œ": "oe",
        "\N{LATIN SMALL LETTER DOTLESS I}": "i",
        "ħ": "h",
    }
)
_APOSTROPHES = str.maketrans(
    dict.fromkeys(("'", "`", "\N{RIGHT SINGLE QUOTATION MARK}", "\N{MODIFIER LETTER APOSTROPHE}"))
)
_WORD = re.compile(r"[^\W_]+")
# Scripts without blanks between words: kana, Han, Hangul.
_UNSPACED = re.compile("[\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\uac00-\ud7af]+")


def fold(text: str) -> str:
    """Lower case, without accents and apostrophes: L'Été is lete."""
    bare = text.translate(_APOSTROPHES)
    if bare.isascii():
        return bare.lower()
    apart = unicodedata.normalize("NFKD", bare.casefold())
    letters = "".join(letter for letter in apart if not unicodedata.combining(letter))
    return unicodedata.normalize("NFC", letters.translate(_LETTERS))


def words(text: str) -> list[str]:
    """The folded words of a text, in its order; of unspaced scripts, every two letters."""
    found = _WORD.findall(fold(text))
    if text.isascii():
        return found
    return [part for word in found for part in _parts(word)]


def sort_key(text: str) -> str:
    """What a text is sorted by: its folded words, without marks."""
    return " ".join(_WORD.findall(fold(text)))


def _parts(word: str) -> list[str]:
    found, at = [], 0
    for run in _UNSPACED.finditer(word):
        letters = run[0]
        found.append(word[at : run.start()])
        found.extend(letters[place : place + 2] for place in range(max(1, len(letters) - 1)))
        at = run.end()
    return [part for part in (*found, word[at:]) if part]
