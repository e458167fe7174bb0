"""`bookshop new`."""

from __future__ import annotations

import json
import logging
import re
import shlex
import tempfile
from collections.abc import Sequence
from pathlib import Path

import click
from cookiecutter.exceptions import CookiecutterException, FailedHookException
from cookiecutter.main import cookiecutter
from jinja2 import TemplateError

from bookshop.starter import TEMPLATE, TEMPLATE_SIGNS, contains_code


@click.command(short_help="Create a shop in a new folder.")
@click.argument("directory", type=click.Path(path_type=Path, file_okay=False))
@click.argument("answers", nargs=-1, metavar="[KEY=VALUE]...")
@click.option("--no-input", is_flag=True, help="Do not prompt; use defaults for missing keys.")
def new(*, directory: Path, answers: Sequence[str], no_input: bool) -> None:
    """Create a shop in DIRECTORY: settings, secrets, theme, first books, deployment files.

    Prompts for name, url, email, locale, timezone, currency, database (sqlite or postgresql) and
    mail (the mail server, or none) unless given as KEY=VALUE; proposes the folder's name as the
    shop's. Exit code 2 if no shop was created.

    Example: bookshop new ~/otter name="Otter & Ink" url=https://otter.example
    """
    values = _parse_answers(answers)
    if directory.exists() and any(directory.iterdir()):
        message = f"{directory} is not empty. A new shop needs an empty or new folder."
        raise click.UsageError(message)
    # The hooks print what is wrong; this keeps cookiecutter from logging a traceback as well.
    logging.getLogger("cookiecutter").addHandler(logging.NullHandler())
    directory = directory.resolve()
    # Cookiecutter renders answers and the folder's name before its hooks can refuse them.
    for name, value in {**values, "DIRECTORY": directory.name}.items():
        if contains_code(value):
            message = f"{name}: {value!r} contains one of {' '.join(TEMPLATE_SIGNS)}"
            raise click.UsageError(message)
    with tempfile.TemporaryDirectory() as temporary:
        config = Path(temporary) / "cookiecutter.json"
        config.write_text(json.dumps({"replay_dir": temporary, "cookiecutters_dir": temporary}))
        try:
            cookiecutter(
                str(TEMPLATE),
                no_input=no_input,
                extra_context={
                    "name": _proposed_name(directory.name),
                    **values,
                    "__directory": directory.name,
                },
                overwrite_if_exists=True,  # an empty folder
                output_dir=str(directory.parent),
                config_file=str(config),
            )
        except FailedHookException as err:
            raise click.exceptions.Exit(2) from err
        except (CookiecutterException, TemplateError, ValueError, OSError) as err:
            message = f"Could not create {directory}: {getattr(err, 'message', err)}"
            raise click.UsageError(message) from err
    click.echo(f"Created a shop in {directory}. README.md there has the next steps. To start it:")
    click.echo(f"  cd {shlex.quote(str(directory))} && pserve development.ini")


def _proposed_name(folder: str) -> str:
    """Return the shop's name that a folder suggests: `the-reading-room` is “The Reading Room”."""
    name = " ".join(re.split(r"[-_\s]+", folder))
    return name.title() if name.islower() else name


def _parse_answers(answers: Sequence[str]) -> dict[str, str]:
    """Return the values by key. Raises UsageError for unknown keys and a missing `=`."""
    prompts = json.loads((TEMPLATE / "cookiecutter.json").read_text(encoding="utf-8"))
    keys = [name for name in prompts if not name.startswith("_")]
    values = {}
    for answer in answers:
        name, equals, value = answer.partition("=")
        expected = f"Keys: {', '.join(keys)}."
        if not equals:
            message = f"{answer!r} is not KEY=VALUE. {expected}"
            raise click.UsageError(message)
        if name not in keys:
            message = f"Unknown key {name!r}. {expected}"
            raise click.UsageError(message)
        values[name] = value
    return values
