"""Marks that follow from a test itself: which database it needs, and which folder it is in."""

from pathlib import Path

import pytest

TESTS = Path(__file__).parents[1]
#: Fixtures that are PostgreSQL alone. Others have a parameter that says which database it is.
POSTGRESQL_FIXTURES = {"postgres", "postgres_url", "postgres_sessions", "postgres_rig"}
#: Folders whose tests are marked by their names.
FOLDERS = {"browser", "load", "properties"}


def needs_postgresql(item):
    """Return True if a test runs on PostgreSQL."""
    parameters = getattr(item, "callspec", None)
    return not POSTGRESQL_FIXTURES.isdisjoint(item.fixturenames) or (
        parameters is not None and "postgresql" in parameters.params.values()
    )


def unordered(item):
    """Return the arguments of `parametrize` that are a set, whose order differs by process."""
    return [
        mark.args[0]
        for mark in item.iter_markers("parametrize")
        if isinstance(mark.args[1], set | frozenset)
    ]


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items):
    for item in items:
        if found := unordered(item):
            message = f"{item.nodeid}: {found[0]}: parametrize takes a list, not a set"
            raise pytest.UsageError(message)
        if needs_postgresql(item):
            item.add_marker(pytest.mark.postgresql)
        folder = item.path.relative_to(TESTS).parts[0] if item.path.is_relative_to(TESTS) else ""
        if folder in FOLDERS:
            item.add_marker(folder)
