"""Checks of the theme: its templates compile, and the examples of a new shop were replaced."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from jinja2 import Environment, TemplateNotFound, TemplateSyntaxError, meta
from pyramid.registry import Registry
from pyramid_jinja2 import IJinja2Environment

from bookshop.ops.check.findings import Finding, error, warning
from bookshop.services import services
from bookshop.starter import TEMPLATE

KEY = "bookshop.theme"
SUFFIX = ".jinja2"
BROKEN = "pages that use this template show an internal error"


def run_checks(registry: Registry) -> Iterator[Finding]:
    """Yield all findings about the theme's templates."""
    shop = services(registry).settings.shop
    if shop.theme is None:
        return
    environment: Environment = registry.getUtility(IJinja2Environment, name=SUFFIX)
    folder = shop.theme / "templates"
    for file in sorted(folder.rglob(f"*{SUFFIX}")):
        name = file.relative_to(folder).as_posix()
        yield from _check_template(environment, file, name)
        if shop.environment == "production" and _is_example(file, name):
            yield warning(
                "example_template",
                KEY,
                f"{file} is the example of a new shop",
                f"write your own text there, or: rm {file}",
                "customers read texts that are not yours",
            )


def _check_template(environment: Environment, file: Path, name: str) -> Iterator[Finding]:
    """Compile a template, and look for the templates that it names."""
    try:
        source = file.read_text(encoding="utf-8")
        environment.compile(source, name, str(file))
        for other in meta.find_referenced_templates(environment.parse(source, name, str(file))):
            if other is not None:  # None: its name is computed
                environment.get_template(other)
    except UnicodeError:
        yield error("template_invalid", KEY, f"{file} is not UTF-8", "save it as UTF-8", BROKEN)
    except TemplateNotFound as err:
        problem = f"{file} names a template that does not exist: {err.name}"
        yield error("template_invalid", KEY, problem, "correct the name", BROKEN)
    except TemplateSyntaxError as err:
        # Of this template, or of one that it extends.
        problem = f"{err.filename or file}:{err.lineno}: {err.message}"
        yield error("template_invalid", KEY, problem, "correct that line", BROKEN)


def _is_example(file: Path, name: str) -> bool:
    [original] = TEMPLATE.glob("*/theme/templates")
    example = original / name
    return example.is_file() and example.read_bytes() == file.read_bytes()
