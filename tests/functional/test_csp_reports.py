"""Reports of Content-Security-Policy violations."""

import json
import logging

import pytest

REPORTING_API = [
    {
        "type": "csp-violation",
        "body": {
            "effectiveDirective": "script-src-elem",
            "blockedURL": "https://evil.example/steal.js?from=ada",
            "documentURL": "https://books.example/success?pi=pi_1&payment_intent_client_secret=s",
        },
    }
]
REPORT_URI = {
    "csp-report": {
        "effective-directive": "img-src",
        "blocked-uri": "data",
        "document-uri": "https://books.example/orders/BK-1?key=k",
    }
}


def report(shop, body, status=204, content_type="application/reports+json"):
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return shop.visitor().post(
        "/csp-reports", raw, status=status, headers={"Content-Type": content_type}
    )


@pytest.fixture
def logged(caplog):
    """Returns the fields of the reports in the log."""
    caplog.set_level(logging.WARNING, "bookshop.web.csp_reports")

    def fields():
        assert {each.getMessage() for each in caplog.records} <= {"csp_violation"}
        return [(each.directive, each.blocked, each.page) for each in caplog.records]

    return fields


@pytest.mark.parametrize(
    ("body", "fields"),
    [
        (REPORTING_API, ("script-src-elem", "https://evil.example", "/success")),
        (REPORT_URI, ("img-src", "data", "/orders")),
    ],
)
def test_a_report_is_logged_without_personal_data(shop, logged, body, fields):
    report(shop, body)
    assert logged() == [fields]


@pytest.mark.parametrize(
    "body",
    [b"", b"{", b"\xff", b"[" * 5000, b"nothing"],
    ids=["empty", "cut", "bytes", "deep", "word"],
)
def test_a_body_that_is_not_json_is_refused(shop, body):
    report(shop, body, status=400)


@pytest.mark.parametrize("body", [[], {}, 1, None, [1], [{"body": 2}], {"csp-report": {"x": [1]}}])
def test_json_that_is_no_report_is_ignored(shop, body):
    report(shop, body)


def test_a_report_cannot_add_lines_to_the_log(shop, logged):
    report(
        shop,
        {"csp-report": {"effective-directive": "img-src\nERROR forged", "blocked-uri": "x"}},
    )
    assert logged() == [("img-srcERROR forged", "x", "/")]


def test_a_large_body_is_refused(shop):
    report(shop, b" " * 16_385, status=413)


def test_reports_are_rate_limited(make_shop):
    shop = make_shop(limits__csp_reports="2/minute")
    for _time in range(2):
        report(shop, REPORT_URI)
    report(shop, REPORT_URI, status=429)


def test_pages_name_the_address_for_reports(shop):
    headers = shop.visitor().get("/").headers
    assert headers["Content-Security-Policy"].endswith("report-uri /csp-reports; report-to csp")
    assert headers["Reporting-Endpoints"] == 'csp="/csp-reports"'


def test_a_blocked_url_is_logged_without_its_user(shop, logged):
    body = {
        "csp-report": {**REPORT_URI["csp-report"], "blocked-uri": "https://ada:x@evil.example/"}
    }
    report(shop, body)
    assert logged() == [("img-src", "https://evil.example", "/orders")]
