"""The thread that runs periodic jobs. Several processes may run one, as jobs are idempotent."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from sqlalchemy.exc import SQLAlchemyError

MIN_WAIT = 0.01  # seconds
LOG = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Job:
    """A function to run every `every` seconds."""

    name: str
    every: int
    function: Callable[[], object]


class JobWorker:
    """Runs each job when it is due, first after its interval. Pauses while `paused` is true."""

    def __init__(self, jobs: Sequence[Job], paused: Callable[[], bool] = lambda: False) -> None:
        """`jobs` may still grow until the worker is started."""
        self._jobs = jobs
        self._paused = paused
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._work, name="job-worker", daemon=True)

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def stop(self) -> None:
        """Stop the thread, after the job that is running."""
        self._stopped.set()
        if self._thread.is_alive():
            self._thread.join()

    def run(self, job: Job) -> None:
        """Run a job once. A failure is logged, so that it does not stop the other jobs."""
        try:
            job.function()
        except SQLAlchemyError as err:
            # No traceback: a database that is down would log one for each job and interval.
            LOG.warning("periodic_job_failed", extra={"job": job.name, "error": type(err).__name__})
        except Exception:
            LOG.exception("periodic_job_failed", extra={"job": job.name})

    def run_all(self) -> None:
        """Run every job once, due or not."""
        for job in self._jobs:
            self.run(job)

    def _work(self) -> None:
        started = time.monotonic()
        due_at = {job: started + job.every for job in self._jobs}
        while due_at and not self._stopped.wait(_seconds_until(min(due_at.values()))):
            paused = self._paused()
            for job in [job for job, due in due_at.items() if due <= time.monotonic()]:
                if not paused and not self._stopped.is_set():
                    self.run(job)
                due_at[job] = time.monotonic() + job.every


def _seconds_until(due: float) -> float:
    return max(due - time.monotonic(), MIN_WAIT)
