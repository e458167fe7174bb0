"""A generated ONIX feed: any number of records, always the same, of no real book.

Words and names are distributed as in real feeds: a few are frequent, most are rare.
"""

from __future__ import annotations

import random
import re
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path

from stdnum import ean

_LISTED = re.compile(r"\w+")
SYLLABLES = _LISTED.findall(
    "ba be bo bra dan del der dor el en fal fen gar gil har hol il jor kal ken lam len lin lor mar"
    " mel mir mor nar nel nor ol or pel per quin ral ren ros sal sel sil sor tal tam tel tor ul van"
    " ver vin wal wen wil yar zel"
)
COMMON = _LISTED.findall(
    "the of and a in to life love history world house secret time guide night story light river"
    " garden girl war sea last first new little great lost city book letters winter summer road"
)
FORMS = (("BC", ""), ("BB", ""), ("ED", "E101"), ("AJ", "A103"), ("BC", ""), ("BC", ""))
LANGUAGES = ("eng",) * 12 + ("ger", "fre", "spa", "ita", "wel")
SUBJECTS = _LISTED.findall(
    "FBA FF FFH FL FM FR FRH FT FXB DC DNB DNC DNL JBSF JHB KJ MB NHD NHTB NHW PDZ PS QD QRV RGB"
    " SF TTV UB VFV WB WBA WF WM WN WTH XQ YBC YFB YFH YNG"
)
FIRST_DAY = date(1995, 1, 1)
DAYS = (date(2026, 10, 1) - FIRST_DAY).days


class Words:
    """Words and names for books, distributed by Zipf's law."""

    def __init__(self, chance: random.Random, count: int = 20_000) -> None:
        self._words = COMMON + [_word(chance) for _ in range(count)]
        self._names = [_word(chance).capitalize() for _ in range(count)]

    def word(self, chance: random.Random) -> str:
        return self._words[_rank(chance, len(self._words))]

    def name(self, chance: random.Random) -> str:
        first, last = (self._names[_rank(chance, len(self._names))] for _ in range(2))
        return f"{first} {last}"


def _word(chance: random.Random) -> str:
    return "".join(chance.choices(SYLLABLES, k=chance.choice((2, 2, 3, 3, 4))))


def _rank(chance: random.Random, count: int) -> int:
    return int(count ** chance.random()) - 1


def isbn(number: int) -> str:
    """Return the ISBN of a book; 978-69 is not a registration group."""
    body = f"97869{number:07}"
    return body + ean.calc_check_digit(body)


def write(path: Path, count: int) -> None:
    """Write a message of `count` records."""
    with path.open("w", encoding="utf-8") as file:
        file.writelines(message(count))


def message(count: int) -> Iterator[str]:
    """The message, piece by piece."""
    chance = random.Random(20261123)  # noqa: S311 - the same ones each time
    words = Words(chance)
    yield (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        '<ONIXMessage release="3.0" xmlns="http://ns.editeur.org/onix/3.0/reference">\n'
        "<Header><Sender><SenderName>Bench</SenderName></Sender>"
        "<SentDateTime>20261101T0000Z</SentDateTime></Header>\n"
    )
    for number in range(count):
        yield _record(number, words, chance)
    yield "</ONIXMessage>\n"


def title(chance: random.Random, words: Words) -> str:
    """The title of a book: two to six words."""
    return " ".join(words.word(chance) for _ in range(chance.randint(2, 6))).capitalize()


def _record(number: int, words: Words, chance: random.Random) -> str:
    code, detail = chance.choice(FORMS)
    published = FIRST_DAY + timedelta(days=int(DAYS * chance.random() ** 0.5))
    people = "".join(
        f"<Contributor><SequenceNumber>{place}</SequenceNumber>"
        f"<ContributorRole>{role}</ContributorRole><PersonName>{words.name(chance)}</PersonName>"
        "</Contributor>"
        for place, role in enumerate(chance.choice((("A01",), ("A01", "A12"), ("A01", "B06"))), 1)
    )
    subjects = "".join(
        f"<Subject><SubjectSchemeIdentifier>93</SubjectSchemeIdentifier>"
        f"<SubjectCode>{subject}</SubjectCode></Subject>"
        for subject in chance.sample(SUBJECTS, chance.randint(1, 3))
    )
    prices = "".join(
        "<Price><PriceType>02</PriceType>"
        f"<PriceAmount>{chance.randint(3, 60)}.{chance.choice(('99', '50', '00'))}</PriceAmount>"
        f"<CurrencyCode>{currency}</CurrencyCode></Price>"
        for currency in ("GBP", "EUR")
    )
    text = " ".join(words.word(chance) for _ in range(chance.randint(40, 90)))
    form_detail = f"<ProductFormDetail>{detail}</ProductFormDetail>" if detail else ""
    return (
        f"<Product><RecordReference>bench.example.{number}</RecordReference>"
        "<NotificationType>03</NotificationType><ProductIdentifier><ProductIDType>15"
        f"</ProductIDType><IDValue>{isbn(number)}</IDValue></ProductIdentifier>"
        "<DescriptiveDetail><ProductComposition>00</ProductComposition>"
        f"<ProductForm>{code}</ProductForm>{form_detail}"
        "<TitleDetail><TitleType>01</TitleType><TitleElement><TitleElementLevel>01"
        f"</TitleElementLevel><TitleText>{title(chance, words)}</TitleText></TitleElement>"
        f"</TitleDetail>{people}<Language><LanguageRole>01</LanguageRole><LanguageCode>"
        f"{chance.choice(LANGUAGES)}</LanguageCode></Language><Extent><ExtentType>00</ExtentType>"
        f"<ExtentValue>{chance.randint(60, 900)}</ExtentValue><ExtentUnit>03</ExtentUnit></Extent>"
        f"{subjects}</DescriptiveDetail><CollateralDetail><TextContent><TextType>03</TextType>"
        f"<ContentAudience>00</ContentAudience><Text>{text}</Text></TextContent>"
        "</CollateralDetail><PublishingDetail><Publisher><PublishingRole>01</PublishingRole>"
        f"<PublisherName>{words.word(chance).capitalize()} Press</PublisherName></Publisher>"
        "<PublishingDate><PublishingDateRole>01</PublishingDateRole>"
        f"<Date>{published:%Y%m%d}</Date></PublishingDate></PublishingDetail>"
        "<ProductSupply><SupplyDetail><Supplier><SupplierRole>01</SupplierRole><SupplierName>Bench"
        "</SupplierName></Supplier><ProductAvailability>20</ProductAvailability>"
        f"{prices}</SupplyDetail></ProductSupply></Product>\n"
    )
