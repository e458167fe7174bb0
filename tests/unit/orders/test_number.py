"""Order numbers: their format, randomness and check character."""

import itertools
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bookshop.orders.number import ALPHABET, is_number, new_number, read_number

numbers = st.builds(lambda _draw: new_number(), st.integers())


def grouped(plain):
    return "-".join(plain[start : start + 4] for start in range(0, 12, 4))


def test_alphabet_has_no_ambiguous_letters():
    assert len(set(ALPHABET)) == len(ALPHABET) == 32
    assert not set("ILOU") & set(ALPHABET)


@given(numbers)
def test_number_has_three_groups_of_four(number):
    assert re.fullmatch(rf"[{ALPHABET}]{{4}}(-[{ALPHABET}]{{4}}){{2}}", number)
    assert is_number(number)
    assert is_number(number.replace("-", ""))


@given(numbers, st.integers(0, 11), st.sampled_from(ALPHABET))
def test_one_wrong_character_is_detected(number, position, letter):
    plain = number.replace("-", "")
    wrong = plain[:position] + letter + plain[position + 1 :]
    assert is_number(grouped(wrong)) is (wrong == plain)


def test_every_single_wrong_character_is_detected():
    plain = new_number().replace("-", "")
    passing = {
        plain[:position] + letter + plain[position + 1 :]
        for position in range(12)
        for letter in ALPHABET
        if is_number(plain[:position] + letter + plain[position + 1 :])
    }
    assert passing == {plain}


@pytest.mark.parametrize("position", range(11))
def test_swapped_neighbours_are_detected_except_one_pair(position):
    passing = set()
    for pair in itertools.permutations(ALPHABET, 2):
        base = list(new_number().replace("-", ""))
        base[position : position + 2] = pair
        free = 11 if position < 10 else 0  # the character that makes the number valid
        for base[free] in ALPHABET:
            if is_number("".join(base)):
                break
        swapped = [*base]
        swapped[position : position + 2] = reversed(pair)
        if is_number("".join(swapped)):
            passing.add(pair)
    # Luhn's algorithm cannot tell the first and the last character of an alphabet apart.
    assert passing == {("0", "Z"), ("Z", "0")}


def test_thousand_numbers_are_distinct():
    assert len({new_number() for _ in range(1000)}) == 1000


def test_every_character_occurs_at_every_position():
    numbers_drawn = [new_number().replace("-", "") for _ in range(2000)]
    for position in range(12):
        assert {number[position] for number in numbers_drawn} == set(ALPHABET)


@given(st.text(max_size=20))
def test_is_number_accepts_any_text(text):
    is_number(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "-",
        "----",
        "K7QM-2X9T",
        "ÄÖÜß-ÄÖÜß-ÄÖÜß",
        "\N{ARABIC-INDIC DIGIT ZERO}" * 12,
        "\x00" * 12,
    ],
)
def test_invalid_numbers(text):
    assert not is_number(text)


@given(numbers)
def test_number_is_read_in_any_notation(number):
    plain = number.replace("-", "")
    lookalikes = number.replace("0", "o").replace("1", "l")
    for written in (number, number.lower(), plain, " ".join(plain), f" {number}\n", lookalikes):
        assert read_number(written) == number


@pytest.mark.parametrize("text", ["", "K7QM", "K7QM-2X9T-4BCE", "\x00", "U" * 12])
def test_invalid_text_is_read_as_none(text):
    assert read_number(text) is None
