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
NEEDS_NO_PAGE = "The secret key is for servers: the sandbox takes it from no web page."
NOT_MATCHING = (
    "The client_secret provided does not match the client_secret associated with the PaymentIntent."
)
SHOWN_START, SHOWN_END, LONG_ENOUGH = 8, 4, 20


def by_browser(authorization: str, params: Tree, options: Options) -> bool:
    """Return True if the request uses the publishable key, which may be the parameter `key`.

    Removes that parameter. Raises ApiError for a missing or wrong key.
    """
    sent = params.pop("key", "")
    key = _key(authorization) or (sent if isinstance(sent, str) else "")
    if not key:
        raise _unauthorised(NO_KEY)
    if _same(key, options.publishable_key):
        return True
    if _same(key, options.secret_key):
        return False
    raise _unauthorised(f"Invalid API Key provided: {_partly(key)}")


def refuse_browser() -> ApiError:
    """Return the error for a publishable key that is used for a secret operation."""
    return ApiError(401, INVALID, NEEDS_SERVER_KEY, code="secret_key_required")


def refuse_pages() -> ApiError:
    """Return the error for a web page that sends the secret key; all sandboxes share one."""
    return ApiError(403, INVALID, NEEDS_NO_PAGE)


def check_client_secret(intent: Object, secret: str | None, *, needed: bool) -> None:
    """Raise ApiError if a browser call does not send the intent's client secret."""
    if secret is None:
        if needed:
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


def _partly(key: str) -> str:
    """Return a masked key: its owner can recognise it, but it cannot be used."""
    if len(key) < LONG_ENOUGH:
        return "*" * len(key)
    hidden = "*" * (len(key) - SHOWN_START - SHOWN_END)
    return key[:SHOWN_START] + hidden + key[-SHOWN_END:]


def _same(one: str, other: str) -> bool:
    return hmac.compare_digest(one.encode(), other.encode())


def _unauthorised(message: str) -> ApiError:
    error = ApiError(401, INVALID, message)
    error.headers = {"WWW-Authenticate": 'Basic realm="Stripe"'}
    return error
