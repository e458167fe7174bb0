"""Rates of delivery: the zone of a destination, its methods, and their prices."""

from datetime import date

import pytest

from bookshop.delivery.rates import Parcel
from bookshop.delivery.rates_file import RatesFileError, parse_rates
from bookshop.destinations import Destination

DAY = date(2026, 11, 27)
HEADER = "zone,countries,postcodes,excluded,method,name,basis,up_to,price,days,free_from,from,until"
BRITISH = f"""{HEADER}
uk,GB,,,tracked,Tracked 48,weight,2000,3.95,2-4,30.00,,
uk,GB,,,tracked,Tracked 48,weight,10000,7.95,2-4,,,
uk,GB,,,express,Express,weight,20000,9.95,1,,,
islands,GB IM,BT IV KA27-KA28,,tracked,Tracked 48,weight,,12.50,3-6,,,
islands,JE GG,,,tracked,Tracked 48,weight,,12.50,3-6,,,
europe,FR DE IE,,971-978,post,Letter,items,2,8.00,5-8,,,
world,*,,,post,Letter,value,100.00,15.00,,,2026-01-01,2026-12-31
"""


def rates(text=BRITISH, currency="GBP"):
    return parse_rates(iter(text.splitlines(keepends=True)), currency)


def offered(country, postcode="", *, weight=400, value=1299, items=1, day=DAY):
    """Methods and prices for a parcel."""
    destination = Destination(country, postcode)
    options = rates().options(destination, Parcel(weight, value, items), day)
    return {option.method: option.price for option in options}


def test_lightest_step_that_fits_decides_the_price():
    assert offered("GB", "N1 1AA", weight=2000) == {"tracked": 395, "express": 995}
    assert offered("GB", "N1 1AA", weight=2001) == {"tracked": 795, "express": 995}


def test_too_heavy_a_parcel_has_the_methods_that_take_it():
    assert offered("GB", "N1 1AA", weight=15000) == {"express": 995}
    assert offered("GB", "N1 1AA", weight=25000) == {}


@pytest.mark.parametrize("postcode", ["BT1 1AA", "IV2 3AB", "KA27 8AA"])
def test_most_specific_zone_wins(postcode):
    assert offered("GB", postcode) == {"tracked": 1250}


def test_postcode_that_only_begins_alike_is_in_the_wider_zone():
    assert offered("GB", "KA2 7AB") == {"tracked": 395, "express": 995}


def test_value_of_the_goods_makes_delivery_free():
    assert offered("GB", value=2999)["tracked"] == 395
    assert offered("GB", value=3000)["tracked"] == 0
    assert offered("GB", value=3000)["express"] == 995


def test_excluded_part_of_a_country_falls_to_a_wider_zone():
    assert offered("FR", "75001") == {"post": 800}
    assert offered("FR", "97400") == {"post": 1500}


def test_steps_count_copies_and_values():
    assert offered("FR", "75001", items=3) == {}
    assert offered("NZ", value=10000) == {"post": 1500}
    assert offered("NZ", value=10001) == {}


def test_rates_have_a_first_and_a_last_day():
    assert offered("NZ", day=date(2026, 12, 31)) == {"post": 1500}
    assert offered("NZ", day=date(2027, 1, 1)) == {}


def test_shop_that_names_no_zone_delivers_nowhere():
    assert rates(HEADER).options(Destination("GB"), Parcel(1, 1, 1), DAY) == []


def test_faults_are_found_all_at_once():
    text = f"""{HEADER}
uk,GB,,,tracked,Tracked,weight,2 kg,3.955,4-2,,,
,UKX,,,"second class!",,volume,,x,soon,,27.11.2026,
uk,GB,KA28-KA27,,tracked,Tracked,items,,1.00,,,,
uk,GB,,,a,A,weight,,1.00,,,,,extra
"""
    with pytest.raises(RatesFileError) as caught:
        rates(text)
    found = {(fault.line, fault.column) for fault in caught.value.faults}
    assert found == {
        *((2, name) for name in ("up_to", "price", "days")),
        *((3, name) for name in ("zone", "name", "countries", "method")),
        *((3, name) for name in ("basis", "price", "days", "from")),
        (4, "postcodes"),
        (5, ""),
    }


def test_method_counts_in_one_way_in_a_zone():
    text = f"{HEADER}\nuk,GB,,,a,A,weight,,1.00,,,,\nuk,GB,,,a,A,items,,1.00,,,,\n"
    with pytest.raises(RatesFileError) as caught:
        rates(text)
    assert [(fault.line, fault.column) for fault in caught.value.faults] == [(3, "basis")]


@pytest.mark.parametrize("header", ["", "zone,countries", f"{HEADER},colour"])
def test_header_is_checked(header):
    with pytest.raises(RatesFileError) as caught:
        rates(header)
    assert [fault.line for fault in caught.value.faults] == [1]
