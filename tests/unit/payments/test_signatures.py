"""Webhooks: nothing is believed, and nothing is parsed, before the signature is checked."""

import hashlib
import hmac
import json
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bookshop.payments import signatures
from bookshop.payments.errors import SignatureError
from bookshop.payments.signatures import TOLERANCE, Event, verified_event
from bookshop.settings_values import Secret

OURS, ROLLED, OTHER = Secret("whsec_Ours"), Secret("whsec_Rolled"), Secret("whsec_Other")
EVENT = {
    "id": "evt_1",
    "object": "event",
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
    """The time at which everything arrives."""
    monkeypatch.setattr(time, "time", lambda: float(NOW))


@pytest.fixture
def parsed(monkeypatch):
    """What has been handed to a JSON parser."""
    seen = []

    class Spy:
        @staticmethod
        def loads(body):
            seen.append(body)
            return json.loads(body)

    monkeypatch.setattr(signatures, "json", Spy)
    return seen


def digest(body, secret=OURS, at=NOW):
    return hmac.new(secret.reveal().encode(), b"%d." % at + body, hashlib.sha256).hexdigest()


def header(body=BODY, secret=OURS, at=NOW, scheme="v1"):
    return f"t={at},{scheme}={digest(body, secret, at)}"


# --- what is taken


def test_a_signed_event_is_taken():
    assert verified_event(BODY, header(), [OURS]) == Event(
        id="evt_1",
        type="payment_intent.succeeded",
        livemode=False,
        object_id="pi_1",
        reference="K7QM-2X9T-4BCD",
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
def test_what_was_signed_is_taken_byte_for_byte(body):
    assert verified_event(body, header(body), [OURS]).id == "evt_1"


def test_either_secret_is_taken_while_one_is_rolled():
    for secret in (OURS, ROLLED):
        assert verified_event(BODY, header(secret=secret), [OURS, ROLLED]).id == "evt_1"


@pytest.mark.parametrize("secrets", [[OURS], [ROLLED], [ROLLED, OURS]])
def test_two_signatures_in_one_header_while_a_secret_is_rolled(secrets):
    both = f"t={NOW},v1={digest(BODY, OURS)},v1={digest(BODY, ROLLED)},v0=abc"
    assert verified_event(BODY, both, secrets).id == "evt_1"


@pytest.mark.parametrize("age", [0, 1, TOLERANCE])
def test_what_is_not_older_than_the_tolerance_is_taken(age):
    assert verified_event(BODY, header(at=NOW - age), [OURS]).id == "evt_1"


@pytest.mark.parametrize(
    ("about", "object_id", "reference"),
    [
        ({"id": "ch_1"}, "ch_1", None),
        ({"id": "ch_1", "metadata": None}, "ch_1", None),
        ({"id": "ch_1", "metadata": {}}, "ch_1", None),
        ({"object": "balance"}, None, None),
    ],
)
def test_an_event_may_be_about_something_else(about, object_id, reference):
    body = json.dumps({**EVENT, "data": {"object": about}}).encode()
    event = verified_event(body, header(body), [OURS])
    assert (event.object_id, event.reference) == (object_id, reference)


# --- what is refused

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
def test_what_was_not_signed_is_refused_and_not_parsed(given_header, parsed):
    with pytest.raises(SignatureError, match="no secret of ours has signed this body"):
        verified_event(BODY, given_header, [OURS, ROLLED])
    assert parsed == []


def test_the_spy_sees_what_is_parsed(parsed):
    verified_event(BODY, header(), [OURS])
    assert parsed == [BODY]


def test_nobody_is_believed_where_there_is_no_secret(parsed):
    with pytest.raises(SignatureError):
        verified_event(BODY, header(), [])
    assert parsed == []


@given(place=st.integers(0, len(BODY) - 1), flip=st.integers(1, 255))
def test_one_changed_byte_is_noticed(place, flip, parsed):
    parsed.clear()
    changed = bytearray(BODY)
    changed[place] ^= flip
    with pytest.raises(SignatureError, match="no secret of ours"):
        verified_event(bytes(changed), header(), [OURS])
    assert parsed == []


@given(body=st.binary(), given_header=st.none() | st.text(alphabet=st.characters(codec="latin-1")))
def test_no_request_whatever_gets_further(body, given_header, parsed):
    with pytest.raises(SignatureError):
        verified_event(body, given_header, [OURS])
    assert parsed == []


def test_a_body_that_is_not_utf_8_is_refused_signed_or_not(parsed):
    body = b'{"id": "\xff\xfe"}'
    for secret in (OURS, OTHER):
        with pytest.raises(SignatureError):
            verified_event(body, header(body, secret), [OURS])
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
        b'{"id": "evt_1", "type": "a", "livemode": false, "data": null}',
        b'{"id": "evt_1", "type": "a", "livemode": false, "data": {"object": [1]}}',
        b'{"id": "evt_1", "type": "a", "livemode": false, "data": {"object": {"metadata": 1}}}',
    ],
)
def test_what_was_signed_and_is_no_event_is_refused(body):
    with pytest.raises(SignatureError, match="the signed body is not an event"):
        verified_event(body, header(body), [OURS])


@pytest.mark.parametrize("given_header", REFUSED.values(), ids=REFUSED)
def test_a_refusal_holds_no_secret_and_no_body(given_header):
    with pytest.raises(SignatureError) as caught:
        verified_event(BODY, given_header, [OURS])
    assert "whsec" not in repr(caught.value)
    assert "evt_1" not in repr(caught.value)
