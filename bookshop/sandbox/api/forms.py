"""Stripe's form encoding: `a[b][0]=c` is `{"a": {"b": {"0": "c"}}}`.

https://docs.stripe.com/api/request_bodies
"""

from __future__ import annotations

import re
from typing import TypeAlias
from urllib.parse import parse_qsl

from bookshop.sandbox.api.errors import invalid

Tree: TypeAlias = "dict[str, str | Tree]"
Value: TypeAlias = "str | Tree"

NAME = re.compile(r"([^\[\]]+)((?:\[[^\[\]]*\])*)")
MAX_FIELDS = 1000


def decode(encoded: str) -> Tree:
    """Decode a query or body. A list becomes a hash by position; `[]` is the next position.

    Raises ApiError for malformed names, and for a name that is both a value and a hash.
    """
    tree: Tree = {}
    try:
        pairs = parse_qsl(encoded, keep_blank_values=True, max_num_fields=MAX_FIELDS)
    except ValueError as err:
        raise invalid("The request body could not be parsed.") from err
    for name, value in pairs:
        matched = NAME.fullmatch(name)
        if matched is None:
            raise invalid(f"Invalid parameter name: {name}")
        _place(tree, [matched[1], *re.findall(r"\[([^\]]*)\]", matched[2])], value)
    return tree


def _place(tree: Tree, keys: list[str], value: str) -> None:
    *parents, last = keys
    for key in parents:
        child = tree.setdefault(key or str(len(tree)), {})
        if isinstance(child, str):
            raise invalid(f"Invalid hash: {key} is sent as a value too.", param=keys[0])
        tree = child
    if isinstance(tree.get(last), dict):
        raise invalid(f"Invalid value: {last} is sent as a hash too.", param=keys[0])
    tree[last or str(len(tree))] = value
