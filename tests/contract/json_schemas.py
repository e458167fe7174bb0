"""OpenAPI 3.0 schemas as JSON Schema 2020-12, and what is wrong with a value under one.

Stricter than either: an object that declares its fields has no others, `1299.0` is no integer, a
time is in seconds and a currency is three small letters.
"""

import re
from collections.abc import Iterator
from functools import cache
from typing import Any

from jsonschema import Draft202012Validator, FormatChecker, ValidationError, validators
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT202012

from . import openapi
from .endive import Schema

URI = "urn:stripe:openapi"
KEPT = ("type", "enum", "format", "maxLength", "pattern", "required")
#: Seconds since 1970 from 2001 to 2286: milliseconds fall outside.
FIRST, LAST = 10**9, 10**10
TEXTS = {"currency": r"[a-z]{3}", "decimal": r"-?\d+(\.\d+)?"}

# A format judges values of its own JSON type; of others, `type` says that they are wrong.
_formats = FormatChecker(formats=())
_formats.checks("unix-time")(lambda value: not isinstance(value, int) or FIRST <= value < LAST)
for _name, _pattern in TEXTS.items():
    _formats.checks(_name)(
        lambda value, pattern=_pattern: (
            not isinstance(value, str) or re.fullmatch(pattern, value) is not None
        )
    )


def _is_integer(_checker: object, value: object) -> bool:
    # JSON Schema counts 1299.0 as an integer; money never travels as a float.
    return isinstance(value, int) and not isinstance(value, bool)


_Validator = validators.extend(
    Draft202012Validator,
    type_checker=Draft202012Validator.TYPE_CHECKER.redefine("integer", _is_integer),
)


def findings(value: object, schema: Schema) -> list[str]:
    """What is wrong with a JSON value, each as `path: problem`; empty when nothing is."""
    validator = _Validator(_translate(schema), registry=_registry(), format_checker=_formats)
    return [
        f"{leaf.json_path}: {leaf.message[:300]}"
        for error in validator.iter_errors(value)
        for leaf in _leaves(error)
    ]


@cache
def _registry() -> Registry[Any]:
    schemas = openapi.document()["components"]["schemas"]
    translated = {"$defs": {name: _translate(each) for name, each in schemas.items()}}
    resource = Resource.from_contents(translated, default_specification=DRAFT202012)
    return Registry().with_resource(URI, resource)


def _translate(schema: Schema) -> Schema:
    if "$ref" in schema:
        return {"$ref": f"{URI}#/$defs/{schema['$ref'].rpartition('/')[2]}"}
    translated: Schema = {key: schema[key] for key in KEPT if key in schema}
    if "anyOf" in schema:
        translated["anyOf"] = [_translate(branch) for branch in schema["anyOf"]]
    if "items" in schema:
        translated["items"] = _translate(schema["items"])
    if schema.get("properties"):
        fields = schema["properties"].items()
        translated["properties"] = {name: _translate(field) for name, field in fields}
        translated["additionalProperties"] = False
    if isinstance(schema.get("additionalProperties"), dict):
        translated["additionalProperties"] = _translate(schema["additionalProperties"])
    return {"anyOf": [translated, {"type": "null"}]} if schema.get("nullable") else translated


def _leaves(error: ValidationError) -> Iterator[ValidationError]:
    """The errors behind "is not valid under any of the given schemas", of the branch meant."""
    if error.validator != "anyOf" or not error.context:
        yield error
        return
    branches: dict[Any, list[ValidationError]] = {}
    for each in error.context:
        branches.setdefault(each.schema_path[0], []).append(each)
    meant = min(branches.values(), key=_distance)
    for each in meant:
        yield from _leaves(each)


def _distance(branch: list[ValidationError]) -> tuple[bool, int]:
    """A branch of another JSON type is the farthest, else the one with the most errors."""
    other_type = any(each.validator == "type" and not each.relative_path for each in branch)
    return other_type, len(branch)
