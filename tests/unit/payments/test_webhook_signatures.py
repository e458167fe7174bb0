"""Webhook signatures: a body is parsed only after its signature has been verified."""

import hashlib
import hmac
import json
import math
import time
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bookshop.payments import webhook_signatures
from bookshop.payments.errors import EventFormatError, SignatureError
from bookshop.payments.webhook_signatures import TOLERANCE, Event, verify_event
from bookshop.settings.parsers import Secret

OURS, ROLLED, OTHER = Secret("whsec_Ours"), Secret("whsec_Rolled"), Secret("whsec_Other")
EVENT = {
    "id": "evt_1",
    "object": "event",
    "api_version": "2026-10-28.endive",
    "created": 1_780_000_000,
    "type": "payment_intent.succeeded",
    "livemode": False,
    "data": {
        "object": {
            "id": "pi_1",
            "object": "payment_intent",
            "metadata": {"order": "K7QM-2X9T-4BCD"},
            "description": "Größe 📚 \N{LINE SEPARATOR}",
        }
    },
}
BODY = json.dumps(EVENT).encode()
NOW = 1_780_000_000


@pytest.fixture(autouse=True)
def clock(monkeypatch):
    """The time of every arrival."""
    monkeypatch.setattr(time, "time", lambda: float(NOW))


@pytest.fixture
def parsed(monkeypatch):
    """The bodies that were parsed as JSON."""
    seen = []

    class Spy:
        @staticmethod
        def loads(body):
            seen.append(body)
            return json.loads(body)

    monkeypatch.setattr(webhook_signatures, "json", Spy)
    return seen


def digest(body, secret=OURS, at=NOW):
    return hmac.new(secret.reveal().encode(), b"%d." % at + body, hashlib.sha256).hexdigest()


def header(body=BODY, secret=OURS, at=NOW, scheme="v1"):
    return f"t={at},{scheme}={digest(body, secret, at)}"


# --- accepted events


def test_a_signed_event_is_accepted():
    assert verify_event(BODY, header(), [OURS]) == Event(
        id="evt_1",
        type="payment_intent.succeeded",
        livemode=False,
        object_id="pi_1",
        intent_id="pi_1",
        reference="K7QM-2X9T-4BCD",
        created=datetime(2026, 5, 28, 20, 26, 40, tzinfo=UTC),
        api_version="2026-10-28.endive",
    )


@pytest.mark.parametrize(
    "body",
    [
        json.dumps(EVENT, indent=7).encode(),
        json.dumps(EVENT, separators=(" ,\t", " :\r\n")).encode(),
        b"\n\n  " + BODY + b"  \n",
        json.dumps(EVENT, ensure_ascii=False).encode(),
        json.dumps(EVENT, sort_keys=True).replace("/", "\\/").encode(),
    ],
    ids=["indented", "odd spacing", "surrounded", "not ASCII", "escaped"],
)
def test_the_signature_covers_the_bytes_as_sent(body):
    assert verify_event(body, header(body), [OURS]).id == "evt_1"


def test_both_secrets_are_accepted_during_a_rotation():
    for secret in (OURS, ROLLED):
        assert verify_event(BODY, header(secret=secret), [OURS, ROLLED]).id == "evt_1"


@pytest.mark.parametrize("secrets", [[OURS], [ROLLED], [ROLLED, OURS]])
def test_a_header_may_hold_two_signatures_during_a_rotation(secrets):
    both = f"t={NOW},v1={digest(BODY, OURS)},v1={digest(BODY, ROLLED)},v0=abc"
    assert verify_event(BODY, both, secrets).id == "evt_1"


@pytest.mark.parametrize("age", [0, 1, TOLERANCE])
def test_an_event_within_the_tolerance_is_accepted(age):
    assert verify_event(BODY, header(at=NOW - age), [OURS]).id == "evt_1"


@pytest.mark.parametrize(
    ("about", "object_id", "reference"),
    [
        ({"id": "ch_1"}, "ch_1", None),
        ({"id": "ch_1", "metadata": None}, "ch_1", None),
        ({"id": "ch_1", "metadata": {}}, "ch_1", None),
        ({"object": "balance"}, None, None),
    ],
)
def test_an_event_may_concern_any_object(about, object_id, reference):
    body = json.dumps({**EVENT, "data": {"object": about}}).encode()
    event = verify_event(body, header(body), [OURS])
    assert (event.object_id, event.reference) == (object_id, reference)


INTENT = {"id": "pi_1", "metadata": {"order": "K7QM"}}
CHARGE = {"id": "ch_1", "payment_intent": "pi_1", "metadata": {"order": "K7QM"}}
REFUND = {"id": "re_1", "payment_intent": "pi_1", "metadata": {"refund": "7"}}
DISPUTE = {"id": "du_1", "payment_intent": "pi_1", "charge": "ch_1", "metadata": {}}
WARNING = {"id": "issfr_1", "payment_intent": "pi_1", "charge": "ch_1"}
REVIEW = {"id": "prv_1", "payment_intent": "pi_1", "charge": "ch_1"}
SUBSCRIBED = {
    **{
        f"payment_intent.{what}": INTENT
        for what in (
            "succeeded",
            "payment_failed",
            "processing",
            "canceled",
            "requires_action",
            "amount_capturable_updated",
        )
    },
    "charge.refunded": CHARGE,
    **{f"refund.{what}": REFUND for what in ("created", "updated", "failed")},
    **{
        f"charge.dispute.{what}": DISPUTE
        for what in ("created", "updated", "closed", "funds_withdrawn", "funds_reinstated")
    },
    "radar.early_fraud_warning.created": WARNING,
    "review.opened": REVIEW,
    "review.closed": REVIEW,
}


def about(kind, content):
    body = json.dumps({**EVENT, "type": kind, "data": {"object": content}}).encode()
    return verify_event(body, header(body), [OURS])


@pytest.mark.parametrize(("kind", "content"), SUBSCRIBED.items(), ids=SUBSCRIBED)
def test_every_subscribed_event_names_its_intent(kind, content):
    event = about(kind, content)
    assert (event.type, event.object_id, event.intent_id) == (kind, content["id"], "pi_1")
    assert event.reference == content.get("metadata", {}).get("order")


@pytest.mark.parametrize(
    "content",
    [
        {"id": "ch_1"},
        {"id": "ch_1", "payment_intent": None},
        {"id": ["ch_1"], "payment_intent": {"id": "pi_1"}, "metadata": {"order": 7}},
    ],
)
def test_ids_that_are_not_strings_are_none(content):
    event = about("charge.refunded", content)
    assert (event.intent_id, event.reference) == (None, None)


def test_the_api_version_may_be_missing():
    body = json.dumps({**EVENT, "api_version": None}).encode()
    assert verify_event(body, header(body), [OURS]).api_version is None


# --- rejected bodies

REFUSED = {
    "no header": None,
    "an empty header": "",
    "nonsense": "sign here",
    "no signature": f"t={NOW}",
    "no time": f"v1={digest(BODY)}",
    "a time that is none": f"t=now,v1={digest(BODY)}",
    "another secret": header(secret=OTHER),
    "the old scheme alone": header(scheme="v0"),
    "too old": header(at=NOW - TOLERANCE - 1),
    "another time": f"t={NOW - 1},v1={digest(BODY)}",
    "another body": header(BODY + b" "),
    "half a signature": header()[:-10],
    "not ASCII": "t=1,v1=ß",
}


@pytest.mark.parametrize("given_header", REFUSED.values(), ids=REFUSED)
def test_a_body_without_a_valid_signature_is_rejected_unparsed(given_header, parsed):
    with pytest.raises(SignatureError) as refused:
        verify_event(BODY, given_header, [OURS, ROLLED])
    assert type(refused.value) is SignatureError
    assert parsed == []


def test_the_spy_sees_what_is_parsed(parsed):
    verify_event(BODY, header(), [OURS])
    assert [json.loads(body) for body in parsed] == [json.loads(BODY)]


def test_without_a_secret_every_body_is_rejected(parsed):
    with pytest.raises(SignatureError):
        verify_event(BODY, header(), [])
    assert parsed == []


@given(place=st.integers(0, len(BODY) - 1), flip=st.integers(1, 255))
def test_one_changed_byte_is_detected(place, flip, parsed):
    parsed.clear()
    changed = bytearray(BODY)
    changed[place] ^= flip
    with pytest.raises(SignatureError) as refused:
        verify_event(bytes(changed), header(), [OURS])
    assert type(refused.value) is SignatureError
    assert parsed == []


@given(body=st.binary(), given_header=st.none() | st.text(alphabet=st.characters(codec="latin-1")))
def test_arbitrary_requests_are_rejected_unparsed(body, given_header, parsed):
    with pytest.raises(SignatureError):
        verify_event(body, given_header, [OURS])
    assert parsed == []


def test_a_body_that_is_not_utf_8_is_rejected_even_if_signed(parsed):
    body = b'{"id": "\xff\xfe"}'
    for secret in (OURS, OTHER):
        with pytest.raises(SignatureError):
            verify_event(body, header(body, secret), [OURS])
    assert parsed == []


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"not json",
        b"null",
        b"[]",
        b'"event"',
        b"{}",
        b'{"id": "evt_1", "type": "v2.core.event", "livemode": false}',
        b"[" * 100_000,
        b'{"id": "evt_1", "type": "a", "livemode": false, "data": null}',
        b'{"id": "evt_1", "type": "a", "livemode": false, "data": {"object": [1]}}',
        b'{"id": "evt_1", "type": "a", "livemode": false, "data": {"object": {"metadata": 1}}}',
    ],
)
def test_a_signed_body_that_is_no_event_is_rejected(body):
    with pytest.raises(EventFormatError):
        verify_event(body, header(body), [OURS])


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("id", 7),
        ("id", None),
        ("type", ["payment_intent.succeeded"]),
        ("created", None),
        ("created", "2026-06-01"),
        ("created", 10**17),
        ("created", 10**300),
        ("created", -(10**15)),
        ("created", math.inf),
        ("created", math.nan),
    ],
)
def test_an_event_with_a_malformed_field_is_rejected(name, value):
    body = json.dumps({**EVENT, name: value}).encode()
    with pytest.raises(EventFormatError):
        verify_event(body, header(body), [OURS])


JUNK = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)
OBJECTS = st.fixed_dictionaries(
    {}, optional=dict.fromkeys(("id", "metadata", "payment_intent"), JUNK)
)
EVENTS = st.fixed_dictionaries(
    {},
    optional={
        "id": st.just("evt_1") | JUNK,
        "type": st.just("payment_intent.succeeded") | JUNK,
        "livemode": JUNK,
        "created": st.just(NOW) | JUNK,
        "api_version": JUNK,
        "data": st.fixed_dictionaries({"object": OBJECTS | JUNK}) | JUNK,
    },
)


@given(values=EVENTS | JUNK)
def test_any_signed_body_is_an_event_or_rejected(values):
    body = json.dumps(values).encode()
    try:
        event = verify_event(body, header(body), [OURS])
    except SignatureError:
        return
    assert isinstance(event.id, str)
    assert isinstance(event.type, str)
    assert isinstance(event.livemode, bool)
    assert event.created.utcoffset() == timedelta()
    for value in (event.object_id, event.intent_id, event.reference, event.api_version):
        assert value is None or isinstance(value, str)


@pytest.mark.parametrize("given_header", REFUSED.values(), ids=REFUSED)
def test_an_error_holds_no_secret_and_no_body(given_header):
    with pytest.raises(SignatureError) as caught:
        verify_event(BODY, given_header, [OURS])
    assert "whsec" not in repr(caught.value)
    assert "evt_1" not in repr(caught.value)


def declined_event(error):
    intent = {**EVENT["data"]["object"], "last_payment_error": error}
    return json.dumps(
        {**EVENT, "type": "payment_intent.payment_failed", "data": {"object": intent}}
    ).encode()


@pytest.mark.parametrize(
    ("error", "attempt"),
    [
        ({"type": "card_error", "charge": "ch_1"}, "ch_1"),
        ({"type": "invalid_request_error"}, "evt_1"),  # 3-D Secure failed before the charge
        (None, None),
    ],
)
def test_a_failed_attempt_is_named_by_its_charge_or_by_the_event(error, attempt):
    body = declined_event(error)
    assert verify_event(body, header(body), [OURS]).failed_attempt == attempt


def test_other_events_report_no_failed_attempt():
    assert verify_event(BODY, header(), [OURS]).failed_attempt is None
