"""The parameters of disputes' operations: https://docs.stripe.com/api/disputes."""

from __future__ import annotations

from bookshop.sandbox.api import parameters
from bookshop.sandbox.api.parameters import (
    boolean,
    choice,
    hash_of,
    integer,
    list_of,
    not_simulated,
    text,
    unset_or,
)

LONG_TEXTS = """
    access_activity_log cancellation_policy_disclosure cancellation_rebuttal
    duplicate_charge_explanation product_description refund_policy_disclosure
    refund_refusal_explanation uncategorized_text
"""
TEXTS = """
    billing_address customer_email_address customer_name customer_purchase_ip duplicate_charge_id
    service_date shipping_address shipping_carrier shipping_date shipping_tracking_number
"""
FILES = """
    cancellation_policy customer_communication customer_signature duplicate_charge_documentation
    receipt refund_policy service_documentation shipping_documentation uncategorized_file
"""
EVIDENCE_FIELDS = (LONG_TEXTS + TEXTS + FILES).split()
EVIDENCE = hash_of(
    {
        **dict.fromkeys(LONG_TEXTS.split(), unset_or(text(20_000))),
        **dict.fromkeys(TEXTS.split(), unset_or(text())),
        **dict.fromkeys((*FILES.split(), "enhanced_evidence"), not_simulated),
    }
)
UPDATE = hash_of(
    {
        "evidence": EVIDENCE,
        "expand": list_of(text()),
        "metadata": unset_or(parameters.metadata),
        "submit": boolean,
    }
)
REASONS = """
    bank_cannot_process check_returned credit_not_processed customer_initiated
    debit_not_authorized duplicate fraudulent general incorrect_account_details
    insufficient_funds noncompliant product_not_received product_unacceptable
    subscription_canceled unrecognized
"""
#: Parameters of the sandbox's controls that open and decide a dispute.
OPEN = hash_of({"amount": integer(1), "inquiry": boolean, "reason": choice(*REASONS.split())})
SETTLE = hash_of({"outcome": choice("won", "lost", "warning_closed")}, ("outcome",))
