"""Spelling correction: search words are compared with words of titles, series and names."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Any

from rapidfuzz.distance import OSA
from sqlalchemy import or_, select
from sqlalchemy.engine import Connection

from bookshop.catalogue.edition import Edition
from bookshop.catalogue.search.models import SearchWord, starts_with
from bookshop.catalogue.search.text_normalization import words
from bookshop.db import insert_into

MIN_LENGTH = 4  # letters; shorter words are not corrected
SHORT = 5  # letters, up to which one mistake is corrected; two in longer words
MAX_CANDIDATES = 4000
_WORDS: Any = SearchWord.__table__
_SIMILAR = str.maketrans({"w": "v", "c": "k", "z": "s", "q": "k"})
_VOWELS = re.compile("[aeiouyjh]")
_DOUBLED = re.compile(r"(.)\1+")


def index_words(connection: Connection, editions: Iterable[Edition]) -> None:
    """Store the words of these editions for spelling correction, in the caller's transaction."""
    distinct = {word for edition in editions for word in _words_of(edition)}
    # Sorted, so that two imports lock rows in the same order and never deadlock.
    rows = [
        {"word": word, "start": word[:2], "tail": _skeleton(word)}
        for word in sorted(distinct)
        if len(word) >= MIN_LENGTH
    ]
    if rows:
        connection.execute(insert_into(connection, _WORDS).on_conflict_do_nothing(), rows)


def correct_spelling(connection: Connection, query_words: Sequence[str]) -> list[str] | None:
    """Return the words with misspelt ones corrected; None if there is nothing to correct.

    Two words that were joined are separated.
    """
    corrected = [each for word in query_words for each in _corrected(connection, word)]
    return corrected if corrected != list(query_words) else None


def _corrected(connection: Connection, word: str) -> Sequence[str]:
    return _two_words(connection, word) or [_nearest_word(connection, word)]


def _two_words(connection: Connection, word: str) -> tuple[str, str] | None:
    """Return the two known words that a word consists of; None if it does not."""
    ends = range(MIN_LENGTH, len(word) - MIN_LENGTH + 1)
    pairs = [(word[:end], word[end:]) for end in ends]
    if not pairs or word.isdigit():
        return None
    parts = {part for pair in pairs for part in pair}
    known = set(connection.scalars(select(_WORDS.c.word).where(_WORDS.c.word.in_([*parts, word]))))
    if word in known:
        return None
    return next((pair for pair in pairs if known.issuperset(pair)), None)


def _nearest_word(connection: Connection, word: str) -> str:
    """Return the known word with the fewest differences, or `word` if none is near enough."""
    if len(word) < MIN_LENGTH or word.isdigit():
        return word
    with_prefix = select(_WORDS.c.word).where(starts_with(_WORDS.c.word, word)).limit(1)
    if connection.scalar(with_prefix):
        return word
    similar = or_(_WORDS.c.start == word[:2], _WORDS.c.tail == _skeleton(word))
    candidates = connection.scalars(select(_WORDS.c.word).where(similar).limit(MAX_CANDIDATES))
    max_distance = 1 if len(word) <= SHORT else 2
    # Optimal string alignment: insertions, deletions, substitutions, swapped neighbours.
    distances = (
        (OSA.distance(word, candidate, score_cutoff=max_distance), candidate)
        for candidate in candidates
    )
    distance, nearest = min(distances, default=(max_distance + 1, word))
    return nearest if distance <= max_distance else word


def _words_of(edition: Edition) -> Iterable[str]:
    texts = [edition.title, edition.subtitle or ""]
    texts += [person.name for person in edition.contributors]
    texts += [series.title for series in edition.series]
    return words(" ".join(texts))


def _skeleton(word: str) -> str:
    """Return a word without first letter, vowels and doubled letters; similar letters merged."""
    consonants = _VOWELS.sub("", word[1:].translate(_SIMILAR))
    return _DOUBLED.sub(r"\1", consonants)
