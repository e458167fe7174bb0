"""Which tax applies to a sale: home, other member states, exports, and special territories."""

from datetime import date

import pytest

from bookshop.destinations import Destination
from bookshop.pricing.tax import UNTAXED
from bookshop.products import ProductClass
from bookshop.tax.rates import RateTable, packaged_rows
from bookshop.tax.rules import TaxRegistrations, TaxRules

DAY = date(2026, 11, 27)
TABLE = RateTable(packaged_rows())
PRINT, EBOOK, AUDIO = ProductClass.PRINT, ProductClass.EBOOK, ProductClass.AUDIO_DOWNLOAD


def rate(home, others, country, postcode="", product=PRINT, *, is_business=False):
    """Percentage, code and territory of a sale."""
    rules = TaxRules(TaxRegistrations(home, frozenset(others)), TABLE)
    found = rules.rate(Destination(country, postcode), product, DAY, is_business=is_business)
    return str(found.percent), found.code.value, found.territory


@pytest.mark.parametrize(
    ("home", "others", "destination", "product", "expected"),
    [
        # At home, and to consumers in other member states below and above the threshold.
        ("DE", (), ("DE",), PRINT, ("7", "S", "DE")),
        ("DE", (), ("FR",), PRINT, ("7", "S", "DE")),
        ("DE", ("oss",), ("FR",), PRINT, ("5.5", "S", "FR")),
        ("DE", ("FR",), ("FR",), PRINT, ("5.5", "S", "FR")),
        ("DE", ("FR",), ("IT",), PRINT, ("7", "S", "DE")),
        ("DE", ("oss",), ("IE",), EBOOK, ("0", "Z", "IE")),
        # Exports.
        ("DE", (), ("US",), PRINT, ("0", "G", "US")),
        ("DE", (), ("US",), EBOOK, ("0", "O", "US")),
        ("GB", (), ("FR",), PRINT, ("0", "G", "FR")),
        ("GB", ("oss",), ("FR",), PRINT, ("0", "G", "FR")),
        ("GB", ("oss",), ("FR",), EBOOK, ("5.5", "S", "FR")),
        ("CH", (), ("LI",), PRINT, ("2.6", "S", "CH")),
        # Northern Ireland: a member state for goods, and the United Kingdom for a British shop.
        ("DE", ("oss",), ("GB", "BT1 1AA"), PRINT, ("0", "Z", "XI")),
        ("DE", (), ("GB", "BT1 1AA"), PRINT, ("7", "S", "DE")),
        ("DE", ("oss",), ("GB", "BT1 1AA"), EBOOK, ("0", "O", "GB")),
        ("DE", ("oss",), ("GB", "B1 1AA"), PRINT, ("0", "G", "GB")),
        ("GB", (), ("GB", "BT1 1AA"), AUDIO, ("20", "S", "GB")),
        # Islands and territories.
        ("GB", (), ("IM", "IM1 1AA"), AUDIO, ("20", "S", "GB")),
        ("GB", (), ("JE", "JE1 1AA"), PRINT, ("0", "G", "")),
        ("GB", (), ("GG", "GY1 1AA"), PRINT, ("0", "G", "")),
        ("GB", (), ("GB", "BF1 2AT"), PRINT, ("0", "G", "")),
        ("DE", ("oss",), ("MC", "98000"), PRINT, ("5.5", "S", "FR")),
        ("DE", ("oss",), ("ES", "35001"), PRINT, ("0", "G", "")),
        ("DE", ("oss",), ("ES", "51001"), PRINT, ("0", "G", "")),
        ("DE", ("oss",), ("ES", "28001"), PRINT, ("4", "S", "ES")),
        ("DE", (), ("DE", "78266"), PRINT, ("0", "G", "")),
        ("DE", (), ("DE", "27498"), PRINT, ("0", "G", "")),
        ("DE", ("oss",), ("IT", "23041"), PRINT, ("0", "G", "")),
        ("DE", ("oss",), ("IT", "22061"), PRINT, ("0", "G", "")),
        ("DE", ("oss",), ("AX", "22100"), PRINT, ("0", "G", "")),
        ("DE", ("oss",), ("FI", "22100"), PRINT, ("0", "G", "")),
        ("DE", ("oss",), ("FR", "97400"), PRINT, ("0", "G", "")),
        ("DE", ("oss",), ("GP", "97100"), PRINT, ("0", "G", "GP")),
        ("DE", ("oss",), ("GR", "63086"), PRINT, ("0", "G", "")),
    ],
)
def test_tax_of_a_sale_to_a_consumer(home, others, destination, product, expected):
    assert rate(home, others, *destination, product=product) == expected


@pytest.mark.parametrize(
    ("destination", "product", "expected"),
    [
        (("FR",), PRINT, ("0", "K", "FR")),
        (("FR",), EBOOK, ("0", "AE", "FR")),
        (("GB", "BT1 1AA"), PRINT, ("0", "K", "XI")),
        (("DE",), PRINT, ("7", "S", "DE")),
        (("US",), PRINT, ("0", "G", "US")),
    ],
)
def test_tax_of_a_sale_to_a_business_in_the_european_union(destination, product, expected):
    assert rate("DE", ("oss",), *destination, product=product, is_business=True) == expected


def test_shop_without_tax_settings_calculates_none():
    rules = TaxRules(None, TABLE)
    assert rules.rate(Destination("DE"), PRINT, DAY) == UNTAXED
