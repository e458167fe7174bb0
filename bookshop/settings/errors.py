"""Errors of settings: a Problem for each key, and a SettingsError with all problems."""

from __future__ import annotations

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
