"""JSON from other machines, with the texts that no database and no page can hold replaced."""

from __future__ import annotations

import json
import re

REPLACEMENT = "\\ufffd"
# JSON can escape half of a surrogate pair, and NUL; UTF-8 and PostgreSQL have neither.
_UNSTORABLE = re.compile(rb"\\u(?:0000|[dD][89A-Fa-f])")


def storable_json(body: bytes) -> bytes:
    """Return the JSON document with lone surrogates and NUL replaced; other bodies unchanged.

    Refusing it instead would make an order depend on what a customer typed at Stripe.
    """
    if not _UNSTORABLE.search(body):
        return body
    try:
        text = json.dumps(json.loads(body), ensure_ascii=False)
    except (ValueError, RecursionError):
        return body  # not JSON: the reader says so
    return text.replace("\\u0000", REPLACEMENT).encode("utf-8", "replace")
