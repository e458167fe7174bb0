"""The time zone of a shop: validated, and derived from the locale's country."""

from zoneinfo import ZoneInfo, available_timezones

import pytest

from bookshop.settings.timezones import PRIMARY, is_utc_all_year, timezone, usual_timezone


def test_a_zone_is_named_as_in_the_time_zone_database():
    assert timezone("America/Los_Angeles") == ZoneInfo("America/Los_Angeles")


@pytest.mark.parametrize("raw", ["PST8", "Europe", "Europe/Yorkshire", "../zone", "/etc/localtime"])
def test_what_is_no_zone_is_refused(raw):
    with pytest.raises(ValueError, match="is not in the time zone database"):
        timezone(raw)


@pytest.mark.parametrize(
    ("country", "zone"),
    [
        ("GB", "Europe/London"),
        ("JP", "Asia/Tokyo"),
        ("DE", "Europe/Berlin"),  # CLDR's main zone of two
        ("US", None),
        ("ZZ", None),
    ],
)
def test_usual_zone_of_the_country(country, zone):
    assert usual_timezone(country) == zone


def test_primary_zones_exist():
    assert set(PRIMARY.values()) <= available_timezones()


@pytest.mark.parametrize(("country", "utc"), [("IS", True), ("GB", False), ("US", False)])
def test_countries_in_utc_all_year(country, utc):
    assert is_utc_all_year(country) is utc
