"""Text normalisation for search: lower case, without accents, split into words.

Both databases index normalised words, so that they find the same books. One word can be written in
several ways: a text is indexed under all of them (`all_words`), and a query accepts any of them
(`query_terms`).
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Container, Iterator, Sequence

# Signs that are typed for an apostrophe, or for a letter that looks like one (Hawai'i).
APOSTROPHES = "'`\u00b4\u02b9\u02bb\u02bc\u02bd\u02be\u02bf\u2018\u2019\u201b\u2032\u2035\uff07"
_HYPHENS = "-\u2010\u2011\ufe63\uff0d"  # not dashes, which separate words
# A soft hyphen, joiners and marks of direction: nothing is seen of them.
_INVISIBLE = "\u00ad\u200c\u200d\u200e\u200f\u2060\u202a\u202b\u202c\u202d\u202e\ufeff"
_SIGNS = str.maketrans(
    {
        **dict.fromkeys(APOSTROPHES, "'"),
        **dict.fromkeys(_HYPHENS, "-"),
        **dict.fromkeys(_INVISIBLE),
    }
)
# Blocks whose combining characters are accents, or vowels that readers leave out (Hebrew, Arabic).
_ACCENTED = ((0x300, 0x900), (0x1AB0, 0x1B00), (0x1DC0, 0x1E00), (0x20D0, 0x2100), (0xFE20, 0xFE30))
_NUKTAS = "\u093c\u09bc\u0a3c\u0abc\u0b3c\u0c3c\u0cbc"  # dots that Indic texts often leave out
# Blocks whose combining characters are vowels and tones, parts of the word.
_VOWEL_SIGNS = ((0x900, 0x1AB0), (0x1B00, 0x1CFF), (0x3099, 0x309B), (0xA800, 0xAC00))
_LETTERS = {
    **{
        chr(code): None
        for start, end in _ACCENTED
        for code in range(start, end)
        if unicodedata.combining(chr(code))
    },
    **dict.fromkeys(_NUKTAS),
    # Letters that Unicode does not decompose.
    "ø": "o",
    "ł": "l",
    "đ": "d",
    "ð": "d",
    "þ": "th",
    "æ": "ae",
    "œ": "oe",
    "\N{LATIN SMALL LETTER DOTLESS I}": "i",
    "ħ": "h",
    "\N{MODIFIER LETTER APOSTROPHE}": "'",  # part of a decomposed letter
}
_FOLDED = str.maketrans(_LETTERS)
# How German and the Nordic languages write these letters without accents.
_DIGRAPHS = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue", "å": "aa", "ø": "oe"})
_AND = ("and", "und", "et", "y", "e", "en", "och", "og")  # what readers type for &
_WITH_DIGRAPH = re.compile("[äöüåø]")
_MARKS = "".join(
    chr(code)
    for start, end in _VOWEL_SIGNS
    for code in range(start, end)
    if unicodedata.category(chr(code)).startswith("M")
)
_ASCII_WORD = re.compile(r"[^\W_]+")
_WORD = re.compile(rf"(?:[^\W_]+[{_MARKS}]*)+")
# Possessive, from the start of a word: a long word takes linear time.
_HYPHENATED = re.compile(r"(?<![^\W_])[^\W_]++(?:[-.][^\W_]++)+")
_WITH_APOSTROPHE = re.compile(r"(?<![^\W_])[^\W_]++(?:'[^\W_]++)+")
# Scripts without spaces between words: kana, Han, Hangul; Thai, Lao, Myanmar, Khmer, Tai.
_UNSPACED = re.compile(
    "[\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\uac00-\ud7af"
    "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u1950-\u19df\u1a20-\u1aaf\ua9e0-\ua9ff\uaa60-\uaadf]+"
)


def words(text: str) -> list[str]:
    """Return the words of a text in order: L'Été is lete; bigrams of scripts without spaces."""
    return _split(_fold(text))


def all_words(text: str) -> list[str]:
    """Return the words of a text, and the other ways in which they can be written.

    E-Book: e, book, ebook. J. K.: j, k, jk. O'Hara: ohara, hara. Müller: muller, mueller.
    """
    folded = _fold(text)
    found = _split(folded)
    ways = [*found, *_digraphs_in(text)]
    if min(map(len, found), default=0) == 1:
        ways += _joined_letters(found)
    if "&" in text:
        ways += _AND
    for chunk in folded.split():
        if "-" in chunk or "." in chunk:
            ways += _joined(chunk)
        if "'" in chunk:
            parts = (part for each in _WITH_APOSTROPHE.findall(chunk) for part in each.split("'"))
            ways += (part for part in parts if len(part) > 1)
    return ways


def prose_words(text: str, limit: int) -> list[str]:
    """Return the first `limit` words of a long text, words with a hyphen also joined.

    The other ways of writing matter in titles and names, and take time.
    """
    folded = _fold(text)
    ways = _split(folded)[:limit]
    if "-" in folded:
        for chunk in folded.split()[:limit]:
            if "-" in chunk:
                ways += _joined(chunk)
    return [*ways, *_digraphs_in(text)[:limit]]


def digraph_spellings(text: str) -> dict[str, str]:
    """Return the words of a text that can be written with digraphs: muller is mueller for Müller.

    `mueller` is no `müller`: only what is typed with its accent is certain to have one.
    """
    lower = unicodedata.normalize("NFC", text).casefold()
    pairs = zip(words(text), words(lower.translate(_DIGRAPHS)), strict=False)
    return {word: other for word, other in pairs if word != other}


def query_terms(query_words: Sequence[str], spellings: dict[str, str]) -> list[list[str]]:
    """Return the ways in which each word of a query can be written, the word itself first.

    A word can also be joined with one beside it (e book: ebook), and initials with each other (j k:
    jk). `spellings` are those of `digraph_spellings`.
    """
    initials = {index: run for run in _runs_of_letters(query_words) for index in run}
    terms = []
    for index, word in enumerate(query_words):
        ways = [word, *filter(None, [spellings.get(word)])]
        if index in initials:
            ways.append("".join(query_words[each] for each in initials[index]))
        else:
            ways += (
                query_words[first] + query_words[first + 1]
                for first in (index - 1, index)
                if _can_join(query_words, first, initials)
            )
        terms.append(ways)
    return terms


def sort_key(text: str) -> str:
    """Return the key by which a text is sorted: its folded words, without punctuation."""
    return " ".join(_WORD.findall(_fold(text).replace("'", "")))


def is_unspaced(word: str) -> bool:
    """True for a word, or part of one, of a script without spaces."""
    return _UNSPACED.match(word) is not None


def _fold(text: str) -> str:
    """Return the text in lower case, without accents; every apostrophe is ', every hyphen -."""
    text = text.translate(_SIGNS)
    if text.isascii():
        return text.lower()
    decomposed = unicodedata.normalize("NFKD", text.casefold())
    return unicodedata.normalize("NFC", decomposed.translate(_FOLDED))


def _split(folded: str) -> list[str]:
    plain = folded.replace("'", "")
    if plain.isascii():
        return _ASCII_WORD.findall(plain)
    return [part for word in _WORD.findall(plain) for part in _split_unspaced(word)]


def _joined(chunk: str) -> Iterator[str]:
    """Yield the words with hyphens or points in a folded text, joined."""
    for word in _HYPHENATED.findall(chunk.replace("'", "")):
        yield word.replace("-", "").replace(".", "")


def _digraphs_in(text: str) -> list[str]:
    """Return the words with umlauts or rings, as they are written with digraphs."""
    if text.isascii():
        return []
    lower = unicodedata.normalize("NFC", text).casefold()
    if _WITH_DIGRAPH.search(lower) is None:
        return []
    chunks = (chunk for chunk in lower.split() if _WITH_DIGRAPH.search(chunk))
    return [word for chunk in chunks for word in words(chunk.translate(_DIGRAPHS))]


def _joined_letters(found: Sequence[str]) -> Iterator[str]:
    """Yield initials as one word, and a single letter with the word after it (e book)."""
    initials: set[int] = set()
    for run in _runs_of_letters(found):
        initials.update(run)
        yield "".join(found[index] for index in run)
    for index, word in enumerate(found[:-1]):
        if len(word) == 1 and word.isalpha() and index not in initials and not is_unspaced(word):
            yield word + found[index + 1]


def _runs_of_letters(found: Sequence[str]) -> list[range]:
    """Return the ranges of two or more single letters that follow each other."""
    runs, start = [], 0
    for index, word in enumerate((*found, "")):
        if len(word) != 1 or not word.isalpha() or is_unspaced(word):
            if index - start > 1:
                runs.append(range(start, index))
            start = index + 1
    return runs


def _can_join(found: Sequence[str], first: int, initials: Container[int]) -> bool:
    """True if a word and the next one exist, and can be one word."""
    return 0 <= first < len(found) - 1 and not any(
        index in initials or is_unspaced(found[index]) for index in (first, first + 1)
    )


def _split_unspaced(word: str) -> list[str]:
    parts, end = [], 0
    for run in _UNSPACED.finditer(word):
        letters = run[0]
        parts.append(word[end : run.start()])
        parts.extend(letters[index : index + 2] for index in range(max(1, len(letters) - 1)))
        end = run.end()
    return [part for part in (*parts, word[end:]) if part]
