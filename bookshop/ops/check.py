"""What can be wrong with a shop whose settings are right."""

from __future__ import annotations

from dataclasses import dataclass

from pyramid.registry import Registry
from sqlalchemy.exc import SQLAlchemyError

from bookshop import migrations
from bookshop.catalogue import shelving


@dataclass(frozen=True)
class Finding:
    """Something to mend: the setting it comes from, what is wrong, and what to do."""

    severity: str
    key: str
    problem: str
    fix: str


def check_database(registry: Registry) -> list[Finding]:
    """Whether the database answers, and is of this version."""
    key = "sqlalchemy.url"
    try:
        current = migrations.is_current(registry.engine)
    except (SQLAlchemyError, OSError) as err:
        problem = f"the database does not answer: {type(err).__name__}"
        return [Finding("error", key, problem, f"{key} = …  (and see that the server runs)")]
    if not current:
        problem = "the database is new, or of another version"
    elif not shelving.is_fresh(registry.engine, registry.terms):
        problem = "the listings were made for another currency or country"
    else:
        return []
    return [Finding("error", key, problem, "bookshop migrate")]
