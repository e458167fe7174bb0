"""The one account of the sandbox: https://docs.stripe.com/api/accounts/object."""

from __future__ import annotations

from typing import Any

ID = "acct_1Sandbox000000000"
NOTHING_DUE: dict[str, Any] = {
    "alternatives": [],
    "current_deadline": None,
    "currently_due": [],
    "disabled_reason": None,
    "errors": [],
    "eventually_due": [],
    "past_due": [],
    "pending_verification": [],
}
UNSET_FIELDS = """
    annual_revenue estimated_worker_count mcc minority_owned_business_designation
    product_description support_address support_email support_phone support_url url
"""
CAPABILITIES = (
    "bacs_debit_payments",
    "card_payments",
    "sepa_debit_payments",
    "transfers",
    "us_bank_account_ach_payments",
)
ACCOUNT: dict[str, Any] = {
    "id": ID,
    "object": "account",
    "business_profile": {**dict.fromkeys(UNSET_FIELDS.split()), "name": "Bookshop sandbox"},
    "business_type": None,
    "capabilities": dict.fromkeys(CAPABILITIES, "active"),
    "charges_enabled": True,
    "controller": {"type": "account"},
    "country": "GB",
    "created": 1_767_225_600,
    "default_currency": "gbp",
    "details_submitted": True,
    "email": None,
    "external_accounts": {
        "object": "list",
        "data": [],
        "has_more": False,
        "url": f"/v1/accounts/{ID}/external_accounts",
    },
    "future_requirements": NOTHING_DUE,
    "metadata": {},
    "payouts_enabled": True,
    "requirements": NOTHING_DUE,
    "settings": {
        "branding": dict.fromkeys(("icon", "logo", "primary_color", "secondary_color")),
        "card_payments": dict.fromkeys(
            (
                "statement_descriptor_prefix",
                "statement_descriptor_prefix_kana",
                "statement_descriptor_prefix_kanji",
            )
        ),
        "dashboard": {"display_name": "Bookshop sandbox", "timezone": "Etc/UTC"},
        "payments": {
            "statement_descriptor": "BOOKSHOP SANDBOX",
            "statement_descriptor_kana": None,
            "statement_descriptor_kanji": None,
        },
        "payouts": {
            "debit_negative_balances": True,
            "schedule": {"delay_days": 7, "interval": "daily"},
            "statement_descriptor": None,
        },
    },
    "tos_acceptance": {"date": None, "ip": None, "user_agent": None},
    "type": "standard",
}
