"""The findings of a reconciliation: differences between Stripe and the orders."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from enum import StrEnum


class FindingCode(StrEnum):
    """The kind of a difference. Codes are stable; texts may change."""

    INTENT_NOT_RECORDED = "intent_not_recorded"
    PAYMENT_SUCCEEDED = "payment_succeeded"  # at Stripe, and unpaid here
    PAYMENT_PROCESSING = "payment_processing"
    PAYMENT_FAILED = "payment_failed"
    PAYMENT_CANCELLED = "payment_cancelled"
    REFUNDED_AMOUNT = "refunded_amount"
    REFUND_STATUS = "refund_status"
    DISPUTE_STATUS = "dispute_status"
    REVIEW_OPENED = "review_opened"
    REVIEW_CLOSED = "review_closed"
    FRAUD_WARNING = "fraud_warning"
    ADDRESS = "address"
    ORDER_STATUS = "order_status"  # while all the records above agree
    OPEN_INTENT = "open_intent"  # of a closed order
    REFUND_PENDING = "refund_pending"  # requested here, not executed
    REFUND_FAILED = "refund_failed"  # and not retried: the customer is owed the money
    SECOND_INTENT = "second_intent"
    SECOND_PAYMENT = "second_payment"
    PAYMENT_MISMATCH = "payment_mismatch"
    UNKNOWN_ORDER = "unknown_order"
    MISSING_INTENT = "missing_intent"
    NOT_RECORDED = "not_recorded"  # a difference that synchronising does not remove


class Resolution(StrEnum):
    """The action taken on a finding."""

    REPAIRED = "repaired"
    REPAIRABLE = "can be repaired"  # in a dry run
    UNRESOLVED = "needs attention"


@dataclass(frozen=True)
class Finding:
    """A difference between the shop and Stripe. `order` is the number of the order."""

    order: str
    intent: str | None
    code: FindingCode
    text: str
    resolution: Resolution


@dataclass
class Report:
    """The result of a reconciliation.

    `checked` counts the compared objects by kind, `expired` the orders that expired (in a dry
    run: would expire). `unfinished` is the reason why not all of Stripe's data could be read, None
    if it was.
    """

    checked: Counter[str] = field(default_factory=Counter)
    expired: int = 0
    findings: list[Finding] = field(default_factory=list)
    unfinished: str | None = None

    @property
    def unresolved(self) -> int:
        """The number of differences that still exist."""
        return sum(finding.resolution is not Resolution.REPAIRED for finding in self.findings)
