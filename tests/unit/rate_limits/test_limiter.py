"""Which requests come from one network."""

import pytest
from pyramid.request import Request

from bookshop.rate_limits.limiter import network_of
from bookshop.rate_limits.messages import too_often


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
def test_a_network_is_what_one_customer_of_a_provider_has(address, network):
    assert network_of(Request.blank("/", environ={"REMOTE_ADDR": address})) == network


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(1, "in 1 seconds"), (60, "in 60 seconds"), (61, "in 2 minutes"), (3600, "in 60 minutes")],
)
def test_one_is_told_how_long_to_wait(seconds, said):
    assert said in too_often(seconds).interpolate()
