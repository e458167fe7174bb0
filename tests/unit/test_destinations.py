"""Areas: countries, and parts of them by postcode."""

import pytest

from bookshop.destinations import AreaError, Destination, parse_area, specificity


@pytest.mark.parametrize(
    ("area", "country", "postcode", "expected"),
    [
        ("GB", "GB", "", True),
        ("GB", "IE", "", False),
        ("*", "NZ", "", True),
        ("GB BT", "GB", "BT1 1AA", True),
        ("GB BT", "GB", "bt11aa", True),
        ("GB BT", "GB", "BT1", True),
        ("GB BT", "GB", "B1 1AA", False),
        ("GB BT", "GB", "", False),
        ("GB B", "GB", "BT1 1AA", False),
        ("GB KA27-KA28", "GB", "KA27 8AA", True),
        ("GB KA27-KA28", "GB", "KA28 0AA", True),
        ("GB KA27-KA28", "GB", "KA29 0AA", False),
        ("GB KA27-KA28", "GB", "KA2 7AB", False),
        ("GB W1", "GB", "W1A 1AA", True),
        ("GB W1", "GB", "W11 1AA", False),
        ("GB W1A", "GB", "W1B 1AA", False),
        ("GB BF1", "GB", "BF1 2AT", True),
        ("GB BN11", "GB", "BN11", True),
        ("ES 35", "ES", "35001", True),
        ("ES 35", "ES", "38001", False),
        ("FR 971-978", "FR", "97400", True),
        ("FR 971-978", "FR", "98000", False),
        ("PT 9", "PT", "9000-018", True),
        ("DE 78266", "DE", "78266", True),
        ("DE 78266", "DE", "7826", False),
        ("FI 22", "AX", "22100", False),
        ("IE T12", "IE", "T12 Y275", True),
    ],
)
def test_area_contains_destination(area, country, postcode, expected):
    [found] = parse_area(*area.split(" ", 1))
    assert found.contains(Destination(country, postcode)) is expected


@pytest.mark.parametrize(
    ("country", "postcodes"),
    [("UK1", ""), ("", ""), ("GB", "KA28-KA27"), ("GB", "BT-KA"), ("GB", "???"), ("DE", "1-22")],
)
def test_what_names_no_area_is_refused(country, postcodes):
    with pytest.raises(AreaError):
        parse_area(country, postcodes)


def test_most_specific_area_wins():
    areas = [*parse_area("*"), *parse_area("GB"), *parse_area("GB", "BT IV KA27-KA28")]
    found = [
        specificity(areas, Destination(*destination))
        for destination in (("NZ",), ("GB", "N1 1AA"), ("GB", "BT1 1AA"), ("GB", "KA27 8AA"))
    ]
    assert found == sorted(set(found))
    assert specificity(parse_area("GB"), Destination("NZ")) is None
