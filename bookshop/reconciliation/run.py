"""The state of one reconciliation, which its steps share."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy.orm import Session, sessionmaker

from bookshop.orders.audit import Cause
from bookshop.orders.states import Actor
from bookshop.payments.errors import StripeRefusedError
from bookshop.payments.gateway import Gateway
from bookshop.reconciliation.findings import Finding, FindingCode, Report, Resolution

CAUSE = Cause(Actor.CLOCK, "reconcile")


@dataclass(frozen=True)
class Databases:
    """Sessions of one database: `reading` never waits for a lock, `writing` takes it."""

    reading: sessionmaker[Session]
    writing: sessionmaker[Session]


@dataclass(frozen=True)
class Run:
    """One reconciliation of the objects created between `since` and `started_at` (UTC).

    A dry run changes nothing, here or at Stripe. `on_progress` is called with the kind of each
    object that is processed.
    """

    databases: Databases
    gateway: Gateway
    since: datetime
    started_at: datetime
    on_progress: Callable[[str], None]
    dry_run: bool
    report: Report = field(default_factory=Report)

    def count(self, kind: str) -> None:
        """Count an object that is compared."""
        self.report.checked[kind] += 1
        self.on_progress(kind)

    def add_repaired(self, order: str, intent: str | None, code: FindingCode, text: str) -> None:
        """Report a difference that is repaired, or in a dry run can be."""
        resolution = Resolution.REPAIRABLE if self.dry_run else Resolution.REPAIRED
        self.report.findings.append(Finding(order, intent, code, text, resolution))

    def add_unresolved(self, order: str, intent: str | None, code: FindingCode, text: str) -> None:
        """Report a difference that an operator has to resolve."""
        self.report.findings.append(Finding(order, intent, code, text, Resolution.UNRESOLVED))

    def attempt(self, action: Callable[[], None]) -> str | None:
        """Run an action at Stripe, except in a dry run. Return why Stripe refused it, if it did."""
        if not self.dry_run:
            try:
                action()
            except StripeRefusedError as err:
                return str(err)
        return None

    def finish(self, session: Session) -> None:
        """Commit, or in a dry run roll back."""
        if self.dry_run:
            session.rollback()
        else:
            session.commit()
