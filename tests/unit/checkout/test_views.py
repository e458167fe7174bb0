"""Requests that must not place an order."""

import pytest
from pyramid.testing import DummyRequest

from bookshop.checkout.views import is_prefetch


@pytest.mark.parametrize(
    ("method", "headers", "expected"),
    [
        ("GET", {}, False),
        ("HEAD", {}, True),
        ("GET", {"Sec-Purpose": "prefetch;prerender"}, True),
        ("GET", {"Purpose": "Prefetch"}, True),
        ("GET", {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Dest": "document"}, False),
        ("GET", {"Sec-Fetch-Site": "cross-site"}, False),
        ("GET", {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Dest": "image"}, True),
        ("GET", {"Sec-Fetch-Site": "same-origin", "Sec-Fetch-Dest": "image"}, False),
    ],
)
def test_prefetch_and_subresource_requests(method, headers, expected):
    assert is_prefetch(DummyRequest(method=method, headers=headers)) is expected
