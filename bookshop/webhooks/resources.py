"""The webhooks' branch of the tree."""

from __future__ import annotations

from bookshop.resources import Resource


class Webhooks(Resource):
    """Where others tell the shop what happened: `/webhooks`."""
