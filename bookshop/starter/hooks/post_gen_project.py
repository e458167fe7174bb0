"""Makes the secrets that nobody else knows, and places for those that others give."""

import os
import secrets
import shutil
from pathlib import Path

MADE = ("bookshop_secret", "metrics_token")
GIVEN = ("stripe_secret_key", "stripe_webhook_secrets", "mail_password")

folder = Path("secrets")
folder.mkdir(mode=0o700)
for name in (*MADE, *GIVEN):
    descriptor = os.open(folder / name, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with open(descriptor, "w", encoding="ascii") as file:
        file.write(f"{secrets.token_hex(32)}\n" if name in MADE else "")

# Installing the package has compiled test_shop.py where it lay.
shutil.rmtree("__pycache__", ignore_errors=True)
