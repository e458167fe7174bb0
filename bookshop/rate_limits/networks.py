"""The networks that a request comes from, which rate limits count beside its session.

A provider assigns an IPv6 customer between 64 and 48 bits, so that one attacker can use 65,536
networks of 64 bits. RIPE-690 describes the sizes: https://www.ripe.net/publications/docs/ripe-690/
"""

from __future__ import annotations

import ipaddress

from pyramid.request import Request

IPV6_PREFIXES = (64, 56, 48)  # bits


def networks_of(request: Request) -> tuple[str, ...]:
    """Return the networks of a request, smallest first: one for IPv4, several for IPv6.

    REMOTE_ADDR is the address of the connection, or the one that `trusted_proxy` of `[server:main]`
    reports. The server removes forwarding headers of other clients.
    """
    text = request.environ.get("REMOTE_ADDR") or ""
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return (text,)
    if isinstance(address, ipaddress.IPv4Address):
        return (str(address),)
    if address.ipv4_mapped is not None:
        return (str(address.ipv4_mapped),)
    return tuple(
        str(ipaddress.ip_network((int(address), prefix), strict=False)) for prefix in IPV6_PREFIXES
    )
