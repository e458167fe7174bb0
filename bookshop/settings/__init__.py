"""The INI's settings, read once into frozen, typed objects. All problems are reported at once.

A value may contain `${NAME}` or `${NAME:-default}` from the environment. A secret may be given as
`<key>_file`, the path of a file with the secret.
"""

from __future__ import annotations

from bookshop.settings.errors import Problem, SettingsError
from bookshop.settings.keys import KEYS, STRIPE_API, STRIPE_JS, Key
from bookshop.settings.models import (
    LimitSettings,
    MailSettings,
    MetricsSettings,
    Settings,
    ShopSettings,
    StripeSettings,
)
from bookshop.settings.reading import expand, read

__all__ = [
    "KEYS",
    "STRIPE_API",
    "STRIPE_JS",
    "Key",
    "LimitSettings",
    "MailSettings",
    "MetricsSettings",
    "Problem",
    "Settings",
    "SettingsError",
    "ShopSettings",
    "StripeSettings",
    "expand",
    "read",
]
