"""Errors of settings: a Problem for each key, and a SettingsError with all problems."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Problem:
    """A problem of a key, with a stable code and a text, and the line to write instead."""

    key: str
    code: str
    problem: str
    fix: str

    def __str__(self) -> str:
        return f"{self.key}: {self.problem}\n    write: {self.fix}"


def advise_file(fix: str, key: str, file: str) -> str:
    """Return the advice `key = value` for a key whose value is in a file, as `key_file` says."""

    def into_file(match: re.Match[str]) -> str:
        # Variables are not replaced in files.
        value = "a new value" if match["value"].startswith("${") else match["value"]
        return f"{value} into {file} ({key}_file)"

    return re.sub(rf"\b{re.escape(key)} = (?P<value>[^\s,)]+)", into_file, fix)


class ValueProblem(ValueError):
    """The value of a key cannot be read or parsed: `code` is stable, the message says why."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


class SettingsError(Exception):
    """The settings cannot be used. `problems` contains every problem."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = tuple(problems)
        lines = "\n".join(f"  {problem}" for problem in problems)
        count = "1 setting is" if len(problems) == 1 else f"{len(problems)} settings are"
        super().__init__(f"The shop did not start: {count} wrong.\n{lines}")
