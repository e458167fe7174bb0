"""Authentication: one account, with one secret and one publishable key.

https://docs.stripe.com/api/authentication
"""

from __future__ import annotations

import base64
import binascii
import hmac

from bookshop.sandbox.api.errors import INVALID, ApiError, invalid, missing_parameter
from bookshop.sandbox.api.forms import Tree
from bookshop.sandbox.options import Options
from bookshop.sandbox.store import Object

NO_KEY = (
    "You did not provide an API key. You need to provide your API key in the Authorization header, "
    "using Bearer auth (e.g. 'Authorization: Bearer YOUR_SECRET_KEY'). See "
    "https://stripe.com/docs/api#authentication for details, or we can help at "
    "https://support.stripe.com/."
)
NEEDS_SERVER_KEY = (
    "This API call cannot be made with a publishable API key. Please use a secret API key. You can "
    "find a list of your API keys at https://dashboard.stripe.com/account/apikeys."
)
NOT_FROM_BROWSERS = "The secret key is for servers: the sandbox refuses it from a web page."
NOT_MATCHING = (
    "The client_secret provided does not match the client_secret associated with the PaymentIntent."
)
VISIBLE_START, VISIBLE_END = 8, 4  # characters of a masked key
MIN_VISIBLE_LENGTH = 20  # of a key; shorter keys are masked completely


def uses_publishable_key(authorization: str, params: Tree, options: Options) -> bool:
    """Return True if the request uses the publishable key, which may be the parameter `key`.

    Removes that parameter. Raises ApiError for a missing or wrong key.
    """
    key_parameter = params.pop("key", "")
    key = _key(authorization) or (key_parameter if isinstance(key_parameter, str) else "")
    if not key:
        raise _unauthorised(NO_KEY)
    if _same(key, options.publishable_key):
        return True
    if _same(key, options.secret_key):
        return False
    raise _unauthorised(f"Invalid API Key provided: {_masked(key)}")


def secret_key_required() -> ApiError:
    """Return the error for a publishable key that is used for a secret operation."""
    return ApiError(401, INVALID, NEEDS_SERVER_KEY, code="secret_key_required")


def secret_key_in_browser() -> ApiError:
    """Return the error for a web page that sends the secret key; all sandboxes share one."""
    return ApiError(403, INVALID, NOT_FROM_BROWSERS)


def check_client_secret(intent: Object, secret: str | None, *, required: bool) -> None:
    """Raise ApiError for a wrong client secret, and for a missing one that is `required`."""
    if secret is None:
        if required:
            raise missing_parameter("client_secret")
    elif not _same(secret, intent["client_secret"]):
        code = "payment_intent_invalid_parameter"
        raise invalid(NOT_MATCHING, code=code, param="client_secret")


def _key(authorization: str) -> str:
    scheme, _, credentials = authorization.partition(" ")
    if scheme.lower() == "bearer":
        return credentials.strip()
    if scheme.lower() != "basic":
        return ""
    try:
        decoded = base64.b64decode(credentials, validate=True).decode()
    except (binascii.Error, UnicodeDecodeError):
        return ""
    return decoded.partition(":")[0]


def _masked(key: str) -> str:
    """Return a masked key: its owner can recognise it, but it cannot be used."""
    if len(key) < MIN_VISIBLE_LENGTH:
        return "*" * len(key)
    hidden = "*" * (len(key) - VISIBLE_START - VISIBLE_END)
    return key[:VISIBLE_START] + hidden + key[-VISIBLE_END:]


def _same(one: str, other: str) -> bool:
    return hmac.compare_digest(one.encode(), other.encode())


def _unauthorised(message: str) -> ApiError:
    error = ApiError(401, INVALID, message)
    error.headers = {"WWW-Authenticate": 'Basic realm="Stripe"'}
    return error
