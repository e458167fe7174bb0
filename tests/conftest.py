"""What holds for every test: it talks to this machine's loopback only.

An audit hook sees every connection and every name that is looked up, in any thread and through
any library. What leaves loopback is stopped there and then, and fails the test even if the code
under test swallowed the error.
"""

import ipaddress
import socket
import sys

import pytest

# For each audited event, which of its arguments holds the host.
_EVENTS = {
    "socket.connect": 1,
    "socket.sendto": 1,
    "socket.sendmsg": 1,
    "socket.getaddrinfo": 0,
    "socket.gethostbyname": 0,
}


class OutsideLoopbackError(RuntimeError):
    """A test tried to reach another machine. No OSError, which network code is glad to retry."""


_attempts: list[str] = []


def _is_loopback(host: object) -> bool:
    if isinstance(host, bytes):
        host = host.decode()
    if host in {None, "", "localhost"}:
        return True
    try:
        return ipaddress.ip_address(str(host)).is_loopback
    except ValueError:
        return False


def _watch(event: str, arguments: tuple) -> None:
    if event not in _EVENTS:
        return
    host = arguments[_EVENTS[event]]
    if isinstance(arguments[0], socket.socket):
        if arguments[0].family not in {socket.AF_INET, socket.AF_INET6} or host is None:
            return
        host = host[0]
    if not _is_loopback(host):
        attempt = f"{event}: {host}"
        _attempts.append(attempt)
        raise OutsideLoopbackError(attempt)


sys.addaudithook(_watch)


@pytest.fixture(autouse=True)
def outside_attempts():
    """Each attempt of this test to reach past loopback; any that is left at its end fails it."""
    _attempts.clear()
    yield _attempts
    if _attempts:
        pytest.fail(f"reached past loopback: {', '.join(_attempts)}", pytrace=False)
