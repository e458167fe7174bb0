"""The calendar day of a shop, which is not always that of UTC."""

from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import pytest

from bookshop.clock import local_day, local_minute

EVENING = datetime(2026, 11, 27, 3, 5, tzinfo=UTC)


@pytest.mark.parametrize(
    ("zone", "day", "minute"),
    [
        ("America/Los_Angeles", date(2026, 11, 26), "2026-11-26 19:05 PST"),
        ("Europe/London", date(2026, 11, 27), "2026-11-27 03:05 GMT"),
        ("Pacific/Kiritimati", date(2026, 11, 27), "2026-11-27 17:05 +14"),
        ("UTC", date(2026, 11, 27), "2026-11-27 03:05 UTC"),
    ],
)
def test_day_and_time_are_those_of_the_zone(zone, day, minute):
    assert local_day(EVENING, ZoneInfo(zone)) == day
    assert local_minute(EVENING, ZoneInfo(zone)) == minute
