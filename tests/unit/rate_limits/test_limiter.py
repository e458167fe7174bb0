"""Networks of requests, and the message for visitors over a limit."""

import pytest
from pyramid.request import Request

from bookshop.rate_limits.limiter import network_of
from bookshop.rate_limits.messages import retry_message


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("198.51.100.7", "198.51.100.7"),
        ("::ffff:198.51.100.7", "198.51.100.7"),
        ("2001:db8:1:2::7", "2001:db8:1:2::/64"),
        ("2001:db8:1:2:ffff::9", "2001:db8:1:2::/64"),
        ("2001:db8:1:3::7", "2001:db8:1:3::/64"),
        ("", ""),
        ("unix:", "unix:"),
    ],
)
def test_the_network_of_an_address(address, network):
    assert network_of(Request.blank("/", environ={"REMOTE_ADDR": address})) == network


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(1, "in 1 seconds"), (60, "in 60 seconds"), (61, "in 2 minutes"), (3600, "in 60 minutes")],
)
def test_the_message_contains_the_time_to_wait(seconds, text):
    assert text in retry_message(seconds).interpolate()
