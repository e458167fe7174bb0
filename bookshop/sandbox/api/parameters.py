"""Parameter parsers, with Stripe's error messages.

A parser takes a parameter's full name (`shipping[address][city]`) and the raw value, and returns
the parsed value or raises ApiError. An operation's schema is composed of parsers.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeAlias

from bookshop.sandbox.api.errors import ApiError, invalid, missing_parameter, unknown_parameters
from bookshop.sandbox.api.forms import Value

Parser: TypeAlias = Callable[[str, Value], Any]

EMAIL = re.compile(r"[!-?A-~]+@[!-\-/-?A-~]+(\.[!-\-/-?A-~]+)+")  # ASCII alone
MAX_METADATA_KEYS, MAX_KEY_LENGTH, MAX_VALUE_LENGTH = 50, 40, 500


def text(max_length: int = 5000) -> Parser:
    """Return a parser of text that is not empty."""

    def parse(name: str, value: Value) -> str:
        if isinstance(value, dict):
            raise invalid(f"Invalid string: {name} is a hash", param=name)
        if not value:
            raise _empty(name)
        if len(value) > max_length:
            message = f"Invalid string: {value[:10]}…; must be at most {max_length} characters"
            raise invalid(message, param=name)
        return value

    return parse


def choice(*allowed: str) -> Parser:
    """Return a parser of one of these names."""

    def parse(name: str, value: Value) -> str:
        chosen: str = text()(name, value)
        if chosen not in allowed:
            message = f"Invalid {name}: must be one of {' or '.join(allowed)}"
            raise invalid(message, param=name)
        return chosen

    return parse


def boolean(name: str, value: Value) -> bool:
    """Parse `true` or `false`."""
    if value not in ("true", "false"):
        raise invalid(f"Invalid boolean: {value}", param=name)
    return value == "true"


def integer(minimum: int | None = None, maximum: int | None = None) -> Parser:
    """Return a parser of a whole number within bounds."""

    def parse(name: str, value: Value) -> int:
        if value == "":
            raise _empty(name)
        if isinstance(value, dict) or not re.fullmatch(r"-?\d{1,18}", value):
            raise _invalid_integer(name, f"Invalid integer: {value}")
        number = int(value)
        if minimum is not None and number < minimum:
            raise _invalid_integer(name, f"This value must be greater than or equal to {minimum}.")
        if maximum is not None and number > maximum:
            raise _invalid_integer(name, f"This value must be less than or equal to {maximum}.")
        return number

    return parse


def email(name: str, value: Value) -> str:
    """Parse an e-mail address."""
    address: str = text(800)(name, value)
    if not EMAIL.fullmatch(address):
        raise invalid(f"Invalid email address: {address}", code="email_invalid", param=name)
    return address


def web_address(name: str, value: Value) -> str:
    """Parse an absolute URL."""
    address: str = text()(name, value)
    if not re.match(r"[a-z][a-z0-9+.-]*://.", address, re.IGNORECASE):
        raise invalid("Not a valid URL", code="url_invalid", param=name)
    return address


def unset_or(parser: Parser) -> Parser:
    """Return `parser` extended by the empty value, which unsets the field and is parsed as None."""
    return lambda name, value: None if value == "" else parser(name, value)


def list_of(parser: Parser) -> Parser:
    """Return a parser of a list, `name[]=…` or `name[0]=…`."""

    def parse(name: str, value: Value) -> list[Any]:
        if not isinstance(value, dict) or not all(key.isdigit() for key in value):
            raise invalid(f"Invalid array: {name}", param=name)
        items = sorted(value.items(), key=lambda item: int(item[0]))
        return [parser(f"{name}[{key}]", each) for key, each in items]

    return parse


def hash_of(fields: Mapping[str, Parser], required: Iterable[str] = ()) -> Parser:
    """Return a parser of a hash with these fields. An operation's schema has an empty name."""

    def parse(name: str, value: Value) -> dict[str, Any]:
        if not isinstance(value, dict):
            raise invalid(f"Invalid object: {name}", param=name)
        unknown = [_inside(name, key) for key in value if key not in fields]
        if unknown:
            raise unknown_parameters(unknown)
        for key in required:
            if key not in value:
                raise missing_parameter(_inside(name, key))
        return {key: fields[key](_inside(name, key), each) for key, each in value.items()}

    return parse


def metadata(name: str, value: Value) -> dict[str, str]:
    """Parse metadata; an empty value removes a key.

    https://docs.stripe.com/api/metadata
    """
    if not isinstance(value, dict) or not all(isinstance(each, str) for each in value.values()):
        raise invalid("Metadata can only be a flat hash of strings", param=name)
    pairs = {key: str(each) for key, each in value.items()}
    if len(pairs) > MAX_METADATA_KEYS:
        raise invalid(f"Metadata can have up to {MAX_METADATA_KEYS} keys", param=name)
    for key, each in pairs.items():
        if len(key) > MAX_KEY_LENGTH:
            message = f"Metadata keys can have up to {MAX_KEY_LENGTH} characters"
            raise invalid(message, param=name)
        if len(each) > MAX_VALUE_LENGTH:
            message = f"Metadata values can have up to {MAX_VALUE_LENGTH} characters"
            raise invalid(message, param=_inside(name, key))
    return pairs


def not_simulated(name: str, value: Value) -> None:
    """Refuse a parameter that Stripe has and the sandbox does not simulate."""
    raise invalid(f"The sandbox does not simulate the parameter {name}.", param=name)


def _inside(name: str, key: str) -> str:
    return f"{name}[{key}]" if name else key


def _empty(name: str) -> ApiError:
    message = (
        f"You passed an empty string for '{name}'. We assume empty values are an attempt to unset "
        f"a parameter; however '{name}' cannot be unset. You should remove '{name}' from your "
        "request or supply a non-empty value."
    )
    return invalid(message, code="parameter_invalid_empty", param=name)


def _invalid_integer(name: str, message: str) -> ApiError:
    return invalid(message, code="parameter_invalid_integer", param=name)
