"""Who may call, what they are shown, and the odd request."""

import base64
import json

import pytest

INTENTS = "/v1/payment_intents"
PUBLIC = set(
    "id object amount canceled_at cancellation_reason capture_method client_secret"  # noqa: SIM905
    " confirmation_method created currency description last_payment_error livemode next_action"
    " payment_method payment_method_types receipt_email setup_future_usage shipping status".split()
)


def _basic(text):
    return {"Authorization": "Basic " + base64.b64encode(text.encode()).decode()}


def test_a_secret_key_by_either_scheme(send):
    assert send("GET", INTENTS, key="sk_test_sandbox").status == 200
    assert send("GET", INTENTS, headers=_basic("sk_test_sandbox:")).status == 200


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Authorization": "Digest sk_test_sandbox"},
        {"Authorization": "Basic ?"},
        {"Authorization": "Bearer "},
        _basic(":"),
    ],
)
def test_no_key(send, headers):
    answer = send("GET", INTENTS, headers=headers)

    assert (answer.status, answer.error["type"]) == (401, "invalid_request_error")
    assert answer.error["message"].startswith("You did not provide an API key.")
    assert answer.headers["WWW-Authenticate"] == 'Basic realm="Stripe"'


@pytest.mark.parametrize("key", ["sk_test_another_account", "sk_live_sandbox", "nonsense"])
def test_another_key_is_refused_and_not_repeated(send, key):
    answer = send("GET", INTENTS, key=key)

    assert answer.status == 401
    assert "Invalid API Key provided" in answer.error["message"]
    assert key not in answer.text


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", INTENTS),
        ("POST", INTENTS),
        ("POST", INTENTS + "/{}"),
        ("POST", INTENTS + "/{}/cancel"),
        ("GET", "/v1/charges"),
        ("GET", "/v1/events"),
        ("GET", "/v1/account"),
    ],
)
def test_a_publishable_key_may_only_pay(send, intent, method, path):
    params = {"key": "pk_test_sandbox", "client_secret": intent.client_secret}
    answer = send(method, path.format(intent.id), params)

    assert (answer.status, answer.error["code"]) == (401, "secret_key_required")


def test_a_browser_needs_the_client_secret(send, client, intent):
    path = f"{INTENTS}/{intent.id}"
    other = client.payment_intents.create({"amount": 500, "currency": "gbp"})

    missing = send("GET", path, key="pk_test_sandbox")
    wrong = send("GET", path, {"client_secret": other.client_secret}, key="pk_test_sandbox")

    assert (missing.status, missing.error["code"]) == (400, "parameter_missing")
    assert (wrong.status, wrong.error["param"]) == (400, "client_secret")
    assert intent.client_secret not in missing.text + wrong.text


def test_a_browser_is_shown_the_public_part(client, from_browser, pay_by_card):
    intent = client.payment_intents.create(
        {"amount": 500, "currency": "gbp", "metadata": {"order": "secret order"}}
    )

    shown = from_browser("GET", "", intent)
    declined = pay_by_card(intent, "4000000000000002")

    assert set(shown.json) == PUBLIC
    assert set(declined.error["payment_intent"]) == PUBLIC
    assert "secret order" not in shown.text + declined.text
    assert "request_log_url" not in declined.error


def test_cross_origin_requests_of_browsers_are_allowed(sandbox, send, intent, from_browser):
    preflight = send("OPTIONS", f"{INTENTS}/{intent.id}/confirm")
    answer = from_browser("GET", "", intent)

    assert preflight.status == 204
    assert "POST" in preflight.headers["Access-Control-Allow-Methods"]
    assert answer.headers["Access-Control-Allow-Origin"] == "*"
    assert "Request-Id" in answer.headers["Access-Control-Expose-Headers"]


@pytest.mark.parametrize(
    ("method", "path"), [("GET", "/v1/customers/cus_1"), ("POST", "/v1/charges")]
)
def test_unknown_urls_answer_404(send, method, path):
    answer = send(method, path, key="sk_test_sandbox")

    assert answer.status == 404
    assert answer.error["message"].startswith(f"Unrecognized request URL ({method}: {path})")


def test_the_version_is_the_sdks(send):
    mine = send("GET", INTENTS, key="sk_test_sandbox")
    other = send("GET", INTENTS, key="sk_test_sandbox", headers={"Stripe-Version": "2024-06-20"})

    assert mine.headers["Stripe-Version"] == "2026-10-28.endive"
    assert (other.status, "2024-06-20" in other.error["message"]) == (400, True)


@pytest.mark.parametrize(
    "body",
    [
        "a[",
        "amount[x]=1&amount=1",
        "amount=1&amount[x]=1",
        "&".join(["a=1"] * 1001),
        "metadata=text",
        "metadata[a][b]=text",
        "expand=x",
        "expand[a]=x",
        "expand[0][a]=x",
        "shipping=x",
        "currency[a]=x",
        "confirm=maybe",
        "return_url=here&confirm=true",
        "description=x&description[a]=x",
        "allowed_payment_method_types[0]=",
    ],
)
def test_invalid_bodies_are_refused(send, body):
    answer = send("POST", INTENTS, f"amount=500&currency=gbp&{body}", key="sk_test_sandbox")

    assert (answer.status, answer.error["type"]) == (400, "invalid_request_error")


def test_an_internal_error_answers_500_and_rolls_back(client, send, monkeypatch, caplog):
    def broken(*args):
        raise RuntimeError

    monkeypatch.setattr("bookshop.sandbox.api.lists.expand", broken)
    answer = send("POST", INTENTS, {"amount": 500, "currency": "gbp"}, key="sk_test_sandbox")
    monkeypatch.undo()

    assert (answer.status, answer.error["type"]) == (500, "api_error")
    assert client.payment_intents.list().data == []
    assert "RuntimeError" in caplog.text


def test_the_log_shows_received_requests(send, client, intent, from_browser):
    from_browser("GET", "", intent)

    log = send("GET", "/_sandbox/requests").json["data"]

    assert [(each["method"], each["path"], each["status"]) for each in log] == [
        ("GET", f"{INTENTS}/{intent.id}", 200),
        ("POST", INTENTS, 200),
    ]
    assert log[1]["parameters"] == {"amount": "1299", "currency": "gbp"}
    assert log[1]["idempotency_key"]
    assert log[1]["request_id"].startswith("req_")


def test_secrets_and_card_numbers_are_not_stored(sandbox, send, client, intent, pay_by_card):
    numbers = ["4242424242424242", "4000000000009995", "4111111111111111", "4242424242424241"]
    for number in numbers:
        pay_by_card(intent, number)
    send("GET", "/v1/charges/4242424242424242", key="sk_test_sandbox")
    client.payment_intents.create(
        {"amount": 500, "currency": "gbp", "payment_method": "pm_bacsDebit_success"}
    )

    log = send("GET", "/_sandbox/requests").text
    sandbox.stop()
    files = b"".join(path.read_bytes() for path in sandbox.options.database.parent.iterdir())

    for number in numbers:
        assert number not in log
        assert number.encode() not in files
    assert intent.client_secret not in log
    assert "pk_test_sandbox" not in log
    assert b"sk_test_sandbox" not in files
    assert json.loads(log)["data"][1]["path"] == "/v1/charges/[hidden]"


def test_the_log_forgets_the_oldest(client, send, monkeypatch):
    monkeypatch.setattr("bookshop.sandbox.api.request_log.MAX_ENTRIES", 2)
    for _ in range(3):
        client.payment_intents.list()

    assert len(send("GET", "/_sandbox/requests").json["data"]) == 2


def test_a_web_page_may_not_come_with_the_secret_key(send):
    origin = {"Origin": "https://evil.example"}

    answer = send("GET", INTENTS, key="sk_test_sandbox", headers=origin)

    assert (answer.status, answer.error["type"]) == (403, "invalid_request_error")
