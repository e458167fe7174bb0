"""Order numbers: readable, unguessable, and with a check character that catches slips."""

import itertools
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bookshop.orders.number import ALPHABET, is_number, new_number, read_number

numbers = st.builds(lambda _draw: new_number(), st.integers())


def grouped(plain):
    return "-".join(plain[start : start + 4] for start in range(0, 12, 4))


def test_the_alphabet_leaves_out_what_is_mistaken_for_something_else():
    assert len(set(ALPHABET)) == len(ALPHABET) == 32
    assert not set("ILOU") & set(ALPHABET)


@given(numbers)
def test_a_number_is_three_groups_of_four(number):
    assert re.fullmatch(rf"[{ALPHABET}]{{4}}(-[{ALPHABET}]{{4}}){{2}}", number)
    assert is_number(number)
    assert is_number(number.replace("-", ""))


@given(numbers, st.integers(0, 11), st.sampled_from(ALPHABET))
def test_one_wrong_character_is_caught(number, place, letter):
    plain = number.replace("-", "")
    wrong = plain[:place] + letter + plain[place + 1 :]
    assert is_number(grouped(wrong)) is (wrong == plain)


def test_no_single_wrong_character_passes():
    plain = new_number().replace("-", "")
    passing = {
        plain[:place] + letter + plain[place + 1 :]
        for place in range(12)
        for letter in ALPHABET
        if is_number(plain[:place] + letter + plain[place + 1 :])
    }
    assert passing == {plain}


@pytest.mark.parametrize("place", range(11))
def test_swapped_neighbours_are_caught_but_for_one_pair(place):
    passing = set()
    for pair in itertools.permutations(ALPHABET, 2):
        base = list(new_number().replace("-", ""))
        base[place : place + 2] = pair
        free = 11 if place < 10 else 0  # the character that makes the number whole again
        for base[free] in ALPHABET:
            if is_number("".join(base)):
                break
        swapped = [*base]
        swapped[place : place + 2] = reversed(pair)
        if is_number("".join(swapped)):
            passing.add(pair)
    # Luhn's algorithm cannot tell the first and the last character of an alphabet apart.
    assert passing == {("0", "Z"), ("Z", "0")}


def test_a_thousand_numbers_are_a_thousand():
    assert len({new_number() for _ in range(1000)}) == 1000


def test_every_character_is_drawn_at_every_place():
    drawn = [new_number().replace("-", "") for _ in range(2000)]
    for place in range(12):
        assert {number[place] for number in drawn} == set(ALPHABET)


@given(st.text(max_size=20))
def test_any_text_is_a_number_or_none(text):
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
def test_what_is_no_number(text):
    assert not is_number(text)


@given(numbers)
def test_a_number_is_read_however_it_is_written(number):
    plain = number.replace("-", "")
    lookalikes = number.replace("0", "o").replace("1", "l")
    for written in (number, number.lower(), plain, " ".join(plain), f" {number}\n", lookalikes):
        assert read_number(written) == number


@pytest.mark.parametrize("text", ["", "K7QM", "K7QM-2X9T-4BCE", "\x00", "U" * 12])
def test_what_is_no_number_is_not_read_as_one(text):
    assert read_number(text) is None
