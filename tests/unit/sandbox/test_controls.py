"""The sandbox's own controls, its dashboard, and what it serves to browsers."""

import json
import re

import pytest
from webtest import TestApp

from bookshop.sandbox import faults
from bookshop.sandbox.app import make_app
from bookshop.sandbox.state import Sandbox
from bookshop.sandbox.webhooks import delivery_faults

HTML = {"Accept": "text/html"}


@pytest.fixture
def app(options):
    """The application without a server."""
    state = Sandbox.open(options)
    yield TestApp(make_app(state), extra_environ={"HTTP_HOST": "localhost:6544"})
    state.close()


@pytest.fixture
def create(app):
    def create_one(**params):
        given = {"amount": "2450", "currency": "gbp", **params}
        headers = {"Authorization": "Bearer sk_test_sandbox"}
        return app.post("/v1/payment_intents", given, headers=headers).json

    return create_one


@pytest.fixture
def processing(create):
    return create(
        confirm="true",
        payment_method="pm_bacsDebit_success",
        return_url="http://localhost/",
        description="Order <1>",
    )


def test_the_sandbox_identifies_itself(app):
    assert app.get("/_sandbox").json == {
        "sandbox": "bookshop",
        "publishable_key": "pk_test_sandbox",
    }


@pytest.mark.parametrize(
    "headers",
    [
        {"Host": "evil.example"},
        {"Host": "localhost.evil.example:6544"},
        {"Origin": "http://localhost:6543"},
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "no-cors"},
        {"Sec-Fetch-Site": "same-site", "Sec-Fetch-Mode": "cors"},
    ],
)
@pytest.mark.parametrize("path", ["/_sandbox/requests", "/_sandbox/deliveries", "/"])
def test_no_other_site_may_look(app, headers, path):
    answer = app.get(path, headers=headers, status=403)

    assert "pi_" not in answer.text


@pytest.mark.parametrize(
    "path",
    ["/v1/payment_intents", "/v1/none", "/endive/stripe.js", "/elements/payment", "/none", "/mail"],
)
@pytest.mark.parametrize("method", ["GET", "POST", "OPTIONS"])
def test_names_that_another_site_can_choose_are_refused_everywhere(app, path, method):
    headers = {"Host": "evil.example", "Authorization": "Bearer sk_test_sandbox"}
    refused = app.request(path, method=method, headers=headers, expect_errors=True)
    assert refused.status_int == 403
    local = app.request(path, method=method, headers={"Host": "[::1]:6544"}, expect_errors=True)
    assert local.status_int != 403 or path == "/mail"


@pytest.mark.parametrize(
    "headers",
    [
        {"Host": "evil.example"},
        {"Origin": "http://localhost:6543"},
        {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate"},
    ],
)
def test_no_other_site_may_give_orders(app, headers):
    app.post("/_sandbox/faults", {"kind": "hang"}, headers=headers, status=403)
    app.delete("/_sandbox/faults", headers=headers, status=403)

    assert app.get("/_sandbox/faults").json == {"data": []}


def test_a_link_from_elsewhere_may_lead_here(app):
    headers = {"Sec-Fetch-Site": "same-site", "Sec-Fetch-Mode": "navigate"}

    assert app.get("/", headers=headers).status_int == 200


def test_orders_come_as_json_or_as_a_form(app):
    app.post_json("/_sandbox/faults", {"kind": "status", "status": 503, "method": None})
    app.post("/_sandbox/faults", {"kind": "hang", "method": "", "path": ""})

    assert [each["kind"] for each in app.get("/_sandbox/faults").json["data"]] == ["status", "hang"]


@pytest.mark.parametrize("body", ["{", "[]", '"hang"'])
def test_orders_that_are_no_json(app, body):
    answer = app.post("/_sandbox/faults", body, content_type="application/json", status=400)

    assert "JSON" in answer.json["error"]["message"]


def test_an_empty_dashboard(app):
    pages = {
        "/": "payments",
        "/requests": "requests",
        "/deliveries": "endpoints",
        "/endpoints": "endpoints",
        "/faults": "faults",
        "/mail": "mails",
    }
    for path, kind in pages.items():
        assert f'data-empty="{kind}"' in app.get(path).text


def test_the_dashboard_shows_payments_and_escapes_them(app, processing):
    page = app.get("/")

    assert "24.50 GBP" in page.text
    assert "Order &lt;1&gt;" in page.text
    assert "<1>" not in page.text
    detail = page.click(processing["id"])
    assert "charge.pending" in detail.text
    assert "bacs debit ending 2345" in detail.text
    assert processing["client_secret"] not in detail.text
    app.get("/payments/pi_unknown", status=404)


@pytest.mark.parametrize(
    ("outcome", "label"), [("succeeded", "succeeded"), ("failed", "requires payment method")]
)
def test_a_debit_is_settled_at_the_dashboard(app, processing, outcome, label):
    form = app.get(f"/payments/{processing['id']}").form
    headers = {**HTML, "Referer": f"http://localhost:6544/payments/{processing['id']}"}

    done = form.submit("outcome", value=outcome, headers=headers)

    assert done.status_int == 303
    assert done.location == headers["Referer"]
    assert f">{label}</span>" in done.follow().text
    assert "insufficient_funds" in app.get("/").text or outcome == "succeeded"


def test_a_foreign_referer_leads_to_the_first_page(app):
    headers = {**HTML, "Referer": "http://evil.example/"}
    done = app.post("/_sandbox/faults", {"kind": "reset"}, headers=headers)

    assert done.location == "http://localhost:6544/"


def test_the_dashboard_shows_requests(app, create):
    create()
    app.get("/v1/charges", headers={"Authorization": "Bearer sk_no"}, status=401)

    page = app.get("/requests")

    assert "POST /v1/payment_intents" in page.text
    assert "invalid_request_error" in page.text
    assert "&#34;amount&#34;: &#34;2450&#34;" in page.text


@pytest.mark.parametrize("kind", [*faults.KINDS, *delivery_faults.KINDS])
def test_each_fault_is_ordered_at_the_dashboard(app, kind):
    form = app.get("/faults").forms[f"fault-{kind}"]
    form["times"] = "3"
    headers = {**HTML, "Referer": "http://localhost:6544/faults"}
    page = form.submit(headers=headers).follow()
    assert "3 times" in page.text
    (ordered,) = app.get("/_sandbox/faults").json["data"]
    assert (ordered["kind"], ordered["times"]) == (kind, 3)

    cleared = page.forms["clear"].submit(headers=headers).follow()
    assert 'data-empty="faults"' in cleared.text


def test_deliveries_are_paused_and_resumed_at_the_dashboard(app):
    headers = {**HTML, "Referer": "http://localhost:6544/deliveries"}
    page = app.get("/deliveries")
    assert "paused" not in page.text

    page = page.forms[0].submit(headers=headers).follow()
    assert ">paused</span>" in page.text
    assert 'data-fault="pause"' in app.get("/faults").text

    assert "paused" not in page.forms[0].submit(headers=headers).follow().text


def _subscribe(app, address):
    given = {"url": address, "enabled_events[]": "payment_intent.created", "description": "<b>"}
    headers = {"Authorization": "Bearer sk_test_sandbox"}
    return app.post("/v1/webhook_endpoints", given, headers=headers).json


def test_endpoints_at_the_dashboard(app):
    made = _subscribe(app, "http://localhost:1/<hooks>")

    page = app.get("/endpoints")

    assert "http://localhost:1/&lt;hooks&gt;" in page.text
    assert "&lt;b&gt;" in page.text
    assert ">enabled</span>" in page.text
    assert made["secret"] not in page.text


def test_deliveries_can_be_requested_on_the_dashboard(app, create):
    _subscribe(app, "http://localhost:1/one")
    _subscribe(app, "http://localhost:1/two")
    create()
    app.post_json("/_sandbox/deliveries/pause", {})
    headers = {**HTML, "Referer": "http://localhost:6544/deliveries"}

    def waiting():
        return app.get("/_sandbox/deliveries/waiting").json["waiting"]

    page = app.get("/deliveries")
    assert "http://localhost:1/one" in page.text
    assert "payment_intent.created" in page.text
    assert waiting() == 0
    _pause, flush, resend, _other = page.forms.values()
    resend.submit(headers=headers)
    assert waiting() == 1
    to_all = re.search(r'formaction="([^"]+)">Resend to all', page.text)[1]
    app.post(to_all, headers=headers)
    assert waiting() == 2
    assert flush.submit(headers=headers).status_int == 303


def test_pages_hold_no_inline_script_or_style(app, processing):
    for path in [
        "/",
        "/requests",
        "/deliveries",
        "/endpoints",
        "/faults",
        "/mail",
        f"/payments/{processing['id']}",
    ]:
        page = app.get(path)
        assert not re.search(r"<script|<style|\sstyle=|\son\w+=", page.text)
        policy = page.headers["Content-Security-Policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        assert page.headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/endive/stripe.js", "text/javascript"),
        ("/v3/", "text/javascript"),
        ("/elements/payment", "text/html"),
        ("/challenge/pi_1?client_secret=x&key=y", "text/html"),
        ("/static/elements.js", "text/javascript"),
        ("/static/dashboard.css", "text/css"),
    ],
)
def test_files_that_browsers_load(app, path, kind):
    answer = app.get(path)

    assert answer.content_type == kind
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    has_policy = "Content-Security-Policy" in answer.headers
    assert has_policy == (kind == "text/html")


@pytest.mark.parametrize("name", ["none.js", "elements.html", "..%2Fapp.py", ".hidden.js", "a.py"])
def test_files_that_browsers_do_not_load(app, name):
    app.get(f"/static/{name}", status=404)


def test_a_dropped_connection_without_a_server(app):
    from waitress.channel import ClientDisconnected

    app.post_json("/_sandbox/faults", {"kind": "reset"})
    with pytest.raises(ClientDisconnected):
        app.get("/v1/charges")
    assert json.loads(app.get("/_sandbox/requests").text)["data"][0]["fault"] == "reset"
