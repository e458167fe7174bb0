"""Charges, one for each attempt to pay: https://docs.stripe.com/api/charges."""

from __future__ import annotations

import secrets
import time
import uuid
from typing import Any

from bookshop.sandbox.api.errors import invalid, missing_resource
from bookshop.sandbox.ids import new_id
from bookshop.sandbox.objects.test_cards import Behaviour, Decline
from bookshop.sandbox.store import Object, Store

RISK_SCORES = {"normal": 20, "elevated": 70, "highest": 90}
STATEMENT = "BOOKSHOP SANDBOX"
AUTHENTICATED = {
    "authentication_flow": "challenge",
    "electronic_commerce_indicator": "05",
    "exemption_indicator": None,
    "result": "authenticated",
    "result_reason": None,
    "version": "2.2.0",
}


def find_paid(store: Store, identifier: str) -> Object:
    """Return the paid charge, by its own id or its intent's, from the path.

    Raises ApiError if there is none.
    """
    intent = store.find("payment_intent", identifier)
    charge = store.find("charge", intent["latest_charge"] if intent else identifier)
    if charge is None and intent is None:
        raise missing_resource("charge", identifier, "charge", in_path=True)
    if charge is None or charge["status"] != "succeeded":
        raise invalid(f"Nothing has been paid by {identifier}.")
    return charge


def of_card(intent: Object, method: Object, behaviour: Behaviour, *, authenticated: bool) -> Object:
    """Create the charge of a card payment, succeeded or failed."""
    decline = behaviour.decline
    charge = _charge(intent, method, "failed" if decline else "succeeded")
    charge["payment_method_details"] = {
        "type": "card",
        "card": _card_details(intent, method["card"], authenticated=authenticated),
    }
    charge["outcome"] = _outcome(behaviour)
    if decline:
        charge["failure_code"] = decline.code
        charge["failure_message"] = decline.message
    return charge


def of_debit(intent: Object, method: Object) -> Object:
    """Create the charge of a bank debit, pending until the bank answers."""
    charge = _charge(intent, method, "pending")
    kind = method["type"]
    copied = {
        "bacs_debit": ("fingerprint", "last4", "sort_code"),
        "sepa_debit": ("bank_code", "branch_code", "country", "fingerprint", "last4"),
        "us_bank_account": (
            *("account_holder_type", "account_type", "bank_name"),
            *("fingerprint", "last4", "routing_number"),
        ),
    }[kind]
    details: dict[str, Any] = {name: method[kind][name] for name in copied}
    if kind == "us_bank_account":
        details["payment_reference"] = None
    else:
        details["mandate"] = None
    charge["payment_method_details"] = {"type": kind, kind: details}
    charge["outcome"] = _outcome(Behaviour(risk_level="not_assessed"))
    return charge


def settle(charge: Object) -> None:
    """Mark the charge as paid by the bank."""
    charge.update(status="succeeded", paid=True, captured=True, amount_captured=charge["amount"])


def fail(charge: Object, code: str, message: str) -> None:
    """Mark the charge as refused by the bank."""
    charge.update(status="failed", paid=False, failure_code=code, failure_message=message)


def _charge(intent: Object, method: Object, status: str) -> Object:
    succeeded = status == "succeeded"
    suffix = intent["statement_descriptor_suffix"]
    copied = ("amount", "currency", "description", "receipt_email", "shipping")
    return {
        "id": new_id("charge"),
        "object": "charge",
        "amount_captured": intent["amount"] if succeeded else 0,
        "amount_refunded": 0,
        "application": None,
        "application_fee": None,
        "application_fee_amount": None,
        "balance_transaction": None,
        "billing_details": method["billing_details"],
        "calculated_statement_descriptor": f"{STATEMENT}* {suffix}"[:22] if suffix else STATEMENT,
        "captured": succeeded,
        "created": int(time.time()),
        "customer": None,
        "disputed": False,
        "failure_balance_transaction": None,
        "failure_code": None,
        "failure_message": None,
        "fraud_details": {},
        "livemode": False,
        # A copy: later changes of the intent's metadata do not apply.
        "metadata": dict(intent["metadata"]),
        "on_behalf_of": None,
        "outcome": None,
        "paid": succeeded,
        "payment_intent": intent["id"],
        "payment_method": method["id"],
        "payment_method_details": None,
        "radar_options": {},
        "receipt_number": None,
        "receipt_url": None,
        "refunded": False,
        "review": None,
        "source_transfer": None,
        "statement_descriptor": None,
        "statement_descriptor_suffix": suffix,
        "status": status,
        "transfer_data": None,
        "transfer_group": None,
        **{name: intent[name] for name in copied},
    }


def _card_details(intent: Object, card: Object, *, authenticated: bool) -> Object:
    three_d_secure = {**AUTHENTICATED, "transaction_id": str(uuid.uuid4())}
    copied = ("brand", "checks", "country", "exp_month", "exp_year", "fingerprint", "funding")
    return {
        **{name: card[name] for name in copied},
        "amount_authorized": intent["amount"],
        "authorization_code": f"{secrets.randbelow(1_000_000):06}",
        "extended_authorization": {"status": "disabled"},
        "incremental_authorization": {"status": "unavailable"},
        "installments": None,
        "last4": card["last4"],
        "mandate": None,
        "multicapture": {"status": "unavailable"},
        "network": card["brand"],
        "network_token": {"used": False},
        "network_transaction_id": f"{secrets.randbelow(10**15):015}",
        "overcapture": {"maximum_amount_capturable": intent["amount"], "status": "unavailable"},
        "regulated_status": card["regulated_status"],
        "three_d_secure": three_d_secure if authenticated else None,
        "wallet": None,
    }


def _outcome(behaviour: Behaviour) -> Object:
    kind, network, reason, message = _decision(behaviour.decline, behaviour.risk_level)
    outcome: Object = {
        "advice_code": None,
        "network_advice_code": None,
        "network_decline_code": None,
        "network_status": network,
        "reason": reason,
        "risk_level": behaviour.risk_level,
        "seller_message": message,
        "type": kind,
    }
    if behaviour.risk_level in RISK_SCORES:
        outcome["risk_score"] = RISK_SCORES[behaviour.risk_level]
    return outcome


def _decision(decline: Decline | None, risk_level: str) -> tuple[str, str, str | None, str]:
    """Return type, network status, reason and seller message of an outcome."""
    if decline is None:
        if risk_level == "elevated":
            message = (
                "Stripe evaluated this payment as having elevated risk, and placed it in your "
                "manual review queue."
            )
            return "manual_review", "approved_by_network", "elevated_risk_level", message
        return "authorized", "approved_by_network", None, "Payment complete."
    if decline.blocked:
        message = "Stripe blocked this payment as too risky."
        return "blocked", "not_sent_to_network", "highest_risk_level", message
    readable_code = decline.decline_code.replace("_", " ")
    message = f"The bank returned the decline code `{readable_code}`."
    return "issuer_declined", "declined_by_network", decline.decline_code, message
