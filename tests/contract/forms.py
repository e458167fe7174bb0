"""Stripe's form encoding, `a[b][0]=c`, and parameters held against their schema.

On the wire every value is text; its schema says what the text must read as.
"""

import re
from collections.abc import Iterable, Iterator
from urllib.parse import parse_qsl

from .endive import Schema

#: A parameter as it was sent: text, or a hash or list of parameters by key.
Tree = dict[str, "str | Tree"]

_READS_AS = {
    "integer": re.compile(r"-?\d+"),
    "number": re.compile(r"-?\d+(\.\d+)?"),
    "boolean": re.compile("true|false"),
}


def decode(encoded: str) -> Tree:
    """`a[b][]=c&a[b][]=d` as `{"a": {"b": {"0": "c", "1": "d"}}}`.

    Raises ValueError on what is no Stripe encoding: a stray bracket, or a name given twice.
    """
    tree: Tree = {}
    for name, value in parse_qsl(encoded, keep_blank_values=True, strict_parsing=bool(encoded)):
        matched = re.fullmatch(r"([^\[\]]+)((?:\[[^\[\]]*\])*)", name)
        if matched is None:
            raise ValueError(f"malformed parameter name {name!r}")
        _place(tree, [matched[1], *re.findall(r"\[([^\]]*)\]", matched[2])], value, name)
    return tree


def _place(tree: Tree, keys: list[str], value: str, name: str) -> None:
    *parents, last = keys
    for key in parents:
        child = tree.setdefault(key or str(len(tree)), {})
        if isinstance(child, str):
            raise ValueError(f"{name} is both a value and a hash")  # noqa: TRY004 - text, not code
        tree = child
    last = last or str(len(tree))
    if last in tree:
        raise ValueError(f"{name} was sent twice")
    tree[last] = value


def findings(value: "str | Tree", schema: Schema, where: str = "") -> list[str]:
    """What is wrong with a parameter, each as `name: problem`; empty when nothing is."""
    if "anyOf" in schema:
        return _closest(findings(value, branch, where) for branch in schema["anyOf"])
    kind = schema.get("type")
    if kind in {"object", "array"}:
        if isinstance(value, str):
            return [f"{where}: {value!r} is text, not {kind}"]
        check = _object if kind == "object" else _array
        return list(check(value, schema, where))
    if isinstance(value, dict):
        return [f"{where}: a hash, not {kind}"]
    return list(_text(value, schema, where))


def _closest(attempts: Iterable[list[str]]) -> list[str]:
    return min(attempts, key=len)


def _object(tree: Tree, schema: Schema, where: str) -> Iterator[str]:
    known = schema.get("properties", {})
    others = schema.get("additionalProperties", False)
    for missing in sorted(set(schema.get("required", ())) - set(tree)):
        yield f"{_inside(where, missing)}: required, not sent"
    for key, value in tree.items():
        field = known.get(key, others)
        if field is False:
            yield f"{_inside(where, key)}: unknown parameter"
        elif isinstance(field, dict):
            yield from findings(value, field, _inside(where, key))


def _array(tree: Tree, schema: Schema, where: str) -> Iterator[str]:
    if list(tree) != [str(index) for index in range(len(tree))]:
        yield f"{where}: indexes {list(tree)} are not 0, 1, 2 …"
    for index, value in tree.items():
        yield from findings(value, schema["items"], f"{where}[{index}]")


def _text(value: str, schema: Schema, where: str) -> Iterator[str]:
    reads_as = _READS_AS.get(schema["type"])
    if reads_as is not None and not reads_as.fullmatch(value):
        yield f"{where}: {value!r} does not read as {schema['type']}"
    if "enum" in schema and value not in schema["enum"]:
        yield f"{where}: {value!r} is none of {schema['enum']}"
    if len(value) > schema.get("maxLength", len(value)):
        yield f"{where}: longer than {schema['maxLength']}"
    if schema.get("format") == "currency" and not re.fullmatch("[a-z]{3}", value):
        yield f"{where}: {value!r} is no currency in small letters"


def _inside(where: str, key: str) -> str:
    return f"{where}[{key}]" if where else key
