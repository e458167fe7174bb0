"""What holds for every test: it talks to this machine's loopback only.

Every connection of Python's and every name that it looks up is seen, in any thread and through any
library. What leaves loopback is stopped there and then, and fails the test even if the code
under test swallowed the error.
"""

import ipaddress
import socket

import pytest

# Fixtures that several folders use; loaded after the guards below are up.
pytest_plugins = [
    "tests.plugins.caches",
    "tests.plugins.marks",
    "tests.plugins.profiles",
    "tests.plugins.postgres",
    "tests.plugins.databases",
    "tests.plugins.shops",
    "tests.plugins.gateway",
    "tests.plugins.concurrency",
    "tests.plugins.mail_server",
]


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


def _check(what: str, host: object) -> None:
    if not _is_loopback(host):
        attempt = f"{what}: {host}"
        _attempts.append(attempt)
        raise OutsideLoopbackError(attempt)


def _guard_method(name: str, place: int) -> None:
    """Check the address, argument number `place`, that a socket's method is given."""
    real = getattr(socket.socket, name)

    def guarded(self, *arguments):
        address = arguments[place] if arguments else None
        if self.family in {socket.AF_INET, socket.AF_INET6} and isinstance(address, tuple):
            _check(f"socket.{name}", address[0])
        return real(self, *arguments)

    setattr(socket.socket, name, guarded)


def _guard_lookup(name: str) -> None:
    real = getattr(socket, name)

    def guarded(host, *arguments, **named):
        _check(f"socket.{name}", host)
        return real(host, *arguments, **named)

    setattr(socket, name, guarded)


# No audit hook: it lets threads change places while coverage begins to trace one, which CPython
# 3.11 does not survive.
for _name, _place in (("connect", 0), ("connect_ex", 0), ("sendto", -1)):
    _guard_method(_name, _place)
for _name in ("getaddrinfo", "gethostbyname"):
    _guard_lookup(_name)


@pytest.fixture(autouse=True)
def outside_attempts():
    """Each attempt of this test to reach past loopback; any that is left at its end fails it."""
    _attempts.clear()
    yield _attempts
    if _attempts:
        pytest.fail(f"reached past loopback: {', '.join(_attempts)}", pytrace=False)
