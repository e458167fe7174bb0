"""What browsers report of what a page was not allowed."""

import json
import logging

import pytest

NEWER = [
    {
        "type": "csp-violation",
        "body": {
            "effectiveDirective": "script-src-elem",
            "blockedURL": "https://evil.example/steal.js?from=ada",
            "documentURL": "https://books.example/success?pi=pi_1&payment_intent_client_secret=s",
        },
    }
]
OLDER = {
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


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (NEWER, "script-src-elem of https://evil.example on /success"),
        (OLDER, "img-src of data on /orders"),
    ],
)
def test_a_report_is_a_line_in_the_log_without_what_is_private(shop, caplog, body, said):
    with caplog.at_level(logging.WARNING, "bookshop.web.csp_reports"):
        report(shop, body)
    assert caplog.messages == [f"a page was not allowed: {said}"]


@pytest.mark.parametrize(
    "body",
    [b"", b"{", b"\xff", b"[" * 5000, b"nothing"],
    ids=["empty", "cut", "bytes", "deep", "word"],
)
def test_what_is_no_report_is_refused(shop, body):
    report(shop, body, status=400)


@pytest.mark.parametrize("body", [[], {}, 1, None, [1], [{"body": 2}], {"csp-report": {"x": [1]}}])
def test_what_says_nothing_does_no_harm(shop, body):
    report(shop, body)


def test_a_report_cannot_forge_a_line(shop, caplog):
    forged = {
        "csp-report": {"effective-directive": "img-src\nERROR all is lost", "blocked-uri": "x"}
    }
    with caplog.at_level(logging.WARNING, "bookshop.web.csp_reports"):
        report(shop, forged)
    assert "\n" not in caplog.text.strip()


def test_a_report_is_short(shop):
    report(shop, b" " * 16_385, status=413)


def test_who_reports_all_the_time_is_not_listened_to(make_shop):
    shop = make_shop(limits__csp_reports="2/minute")
    for _time in range(2):
        report(shop, OLDER)
    report(shop, OLDER, status=429)


def test_pages_name_the_place_for_reports(shop):
    headers = shop.visitor().get("/").headers
    assert headers["Content-Security-Policy"].endswith("report-uri /csp-reports; report-to csp")
    assert headers["Reporting-Endpoints"] == 'csp="/csp-reports"'
