"""Periodic background jobs, which features register: `config.add_job(name, every, function)`."""

from __future__ import annotations

from collections.abc import Callable

from pyramid.config import Configurator
from pyramid.events import ApplicationCreated

from bookshop.jobs.worker import Job, JobWorker
from bookshop.services import services


def add_job(config: Configurator, name: str, every: int, function: Callable[[], object]) -> None:
    """Directive: run `function` every `every` seconds. Each name can be registered once."""

    def register() -> None:
        config.registry.jobs.append(Job(name, every, function))

    config.action(("job", name), register)


def includeme(config: Configurator) -> None:
    """Run the jobs in the background while the application lives: `registry.job_worker`."""
    registry = config.registry
    registry.jobs = []
    registry.job_worker = JobWorker(registry.jobs, services(registry).read_only.is_on)
    config.add_directive("add_job", add_job)
    config.add_subscriber(lambda _event: registry.job_worker.start(), ApplicationCreated)
