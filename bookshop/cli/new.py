"""`bookshop new`."""

from __future__ import annotations

import json
import logging
import shlex
import tempfile
from collections.abc import Sequence
from pathlib import Path

import click
from cookiecutter.exceptions import CookiecutterException, FailedHookException
from cookiecutter.main import cookiecutter
from jinja2 import TemplateError

from bookshop.starter import TEMPLATE


@click.command()
@click.argument("directory", type=click.Path(path_type=Path, file_okay=False))
@click.argument("answers", nargs=-1, metavar="[KEY=VALUE]...")
@click.option("--no-input", is_flag=True, help="Ask nothing: defaults, but for what is given.")
def new(*, directory: Path, answers: Sequence[str], no_input: bool) -> None:
    """Make a shop of your own in DIRECTORY: settings, secrets, theme, first books, deployment.

    It asks for name, url, email, locale, currency, database (sqlite or postgresql) and mail (a
    server's name, or none for now), unless KEY=VALUE says it. Exit code 2 where nothing was made.
    """
    given = _given(answers)
    if directory.exists() and any(directory.iterdir()):
        message = f"{directory} is not empty: a new shop needs a folder of its own."
        raise click.UsageError(message)
    # The hooks say themselves what is wrong; cookiecutter would log a traceback after that.
    logging.getLogger("cookiecutter").addHandler(logging.NullHandler())
    directory = directory.resolve()
    with tempfile.TemporaryDirectory() as passing:
        ours = Path(passing) / "cookiecutter.json"
        ours.write_text(json.dumps({"replay_dir": passing, "cookiecutters_dir": passing}))
        try:
            cookiecutter(
                str(TEMPLATE),
                no_input=no_input,
                extra_context={**given, "__directory": directory.name},
                overwrite_if_exists=True,  # an empty folder
                output_dir=str(directory.parent),
                config_file=str(ours),
            )
        except FailedHookException as err:
            raise click.exceptions.Exit(2) from err
        except (CookiecutterException, TemplateError, ValueError, OSError) as err:
            message = f"{directory} was not made: {getattr(err, 'message', err)}"
            raise click.UsageError(message) from err
    where = shlex.quote(str(directory))
    click.echo(f"The shop is in {directory}. Its README.md says how it goes on; for now:")
    click.echo(f"  cd {where} && pserve development.ini")


def _given(answers: Sequence[str]) -> dict[str, str]:
    """The answers by their names. Raises UsageError for what is none, or nobody asks for."""
    asked = json.loads((TEMPLATE / "cookiecutter.json").read_text(encoding="utf-8"))
    known = [name for name in asked if not name.startswith("_")]
    given = {}
    for answer in answers:
        name, equals, value = answer.partition("=")
        if not equals or name not in known:
            message = f"{answer!r} is no KEY=VALUE; the keys are {', '.join(known)}."
            raise click.UsageError(message)
        given[name] = value
    return given
