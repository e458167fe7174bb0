"""Mending misspelt words, by the words of titles, series and names that the shop has."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Any

from rapidfuzz.distance import OSA
from sqlalchemy import or_, select
from sqlalchemy.engine import Connection

from bookshop.catalogue.edition import Edition
from bookshop.catalogue.search.models import SearchWord, begins
from bookshop.catalogue.search.text_normalization import words
from bookshop.db import insert_into

SHORTEST = 4  # letters of a word that can be told from another
SHORT = 5  # letters, up to which one mistake is mended; two in longer words
MOST_LOOKED_AT = 4000
_WORDS: Any = SearchWord.__table__
_ALIKE = str.maketrans({"w": "v", "c": "k", "z": "s", "q": "k"})
_VOWELS = re.compile("[aeiouyjh]")
_TWICE = re.compile(r"(.)\1+")


def index_words(connection: Connection, editions: Iterable[Edition]) -> None:
    """Know the words of these editions from now on, in the caller's transaction."""
    found = {word for edition in editions for word in _named(edition) if len(word) >= SHORTEST}
    # In one order for everybody, so that two imports never wait for each other.
    rows = [{"word": word, "start": word[:2], "tail": _tail(word)} for word in sorted(found)]
    if rows:
        connection.execute(insert_into(connection, _WORDS).on_conflict_do_nothing(), rows)


def mended(connection: Connection, asked: Sequence[str]) -> list[str] | None:
    """The words with the misspelt ones mended; None where none of them could be."""
    found = [_nearest(connection, word) for word in asked]
    return found if found != list(asked) else None


def _nearest(connection: Connection, word: str) -> str:
    if len(word) < SHORTEST or word.isdigit():
        return word
    if connection.scalar(select(_WORDS.c.word).where(begins(_WORDS.c.word, word)).limit(1)):
        return word
    near = or_(_WORDS.c.start == word[:2], _WORDS.c.tail == _tail(word))
    candidates = connection.scalars(select(_WORDS.c.word).where(near).limit(MOST_LOOKED_AT))
    most = 1 if len(word) <= SHORT else 2
    distances = (
        (OSA.distance(word, candidate, score_cutoff=most), candidate) for candidate in candidates
    )
    distance, nearest = min(distances, default=(most + 1, word))
    return nearest if distance <= most else word


def _named(edition: Edition) -> Iterable[str]:
    texts = [edition.title, edition.subtitle or ""]
    texts += [person.name for person in edition.contributors]
    texts += [series.title for series in edition.series]
    return words(" ".join(texts))


def _tail(word: str) -> str:
    """What is left of a word without its first letter, vowels and doubled letters."""
    bare = _VOWELS.sub("", word[1:].translate(_ALIKE))
    return _TWICE.sub(r"\1", bare)
