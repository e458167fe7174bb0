"""Text normalisation for search: lower case, without accents, split into words.

Both databases index normalised words, so that they find the same books.
"""

from __future__ import annotations

import re
import unicodedata

# Letters that Unicode does not decompose.
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
# Scripts without spaces between words: kana, Han, Hangul.
_UNSPACED = re.compile("[\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\uac00-\ud7af]+")


def fold(text: str) -> str:
    """Return the text in lower case, without accents and apostrophes: L'Été is lete."""
    text = text.translate(_APOSTROPHES)
    if text.isascii():
        return text.lower()
    decomposed = unicodedata.normalize("NFKD", text.casefold())
    letters = "".join(letter for letter in decomposed if not unicodedata.combining(letter))
    return unicodedata.normalize("NFC", letters.translate(_LETTERS))


def words(text: str) -> list[str]:
    """Return the folded words of a text in order; bigrams of scripts without spaces."""
    folded_words = _WORD.findall(fold(text))
    if text.isascii():
        return folded_words
    return [part for word in folded_words for part in _split_unspaced(word)]


def sort_key(text: str) -> str:
    """Return the key by which a text is sorted: its folded words, without punctuation."""
    return " ".join(_WORD.findall(fold(text)))


def _split_unspaced(word: str) -> list[str]:
    parts, end = [], 0
    for run in _UNSPACED.finditer(word):
        letters = run[0]
        parts.append(word[end : run.start()])
        parts.extend(letters[index : index + 2] for index in range(max(1, len(letters) - 1)))
        end = run.end()
    return [part for part in (*parts, word[end:]) if part]
