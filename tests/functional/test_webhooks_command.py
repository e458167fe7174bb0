"""`bookshop webhooks`: creates, repairs and lists endpoints, and keeps signing secrets safe."""

import re
from importlib import import_module

import pytest

from bookshop.payments.account import EVENT_TYPES, Endpoint, endpoints_at
from bookshop.payments.errors import StripeUnavailableError
from bookshop.payments.gateway import Gateway
from bookshop.webhooks.handlers import HANDLED_PREFIXES

SETTING = re.compile(r"stripe\.webhook_secrets = (whsec_\w+)")


def register(deployed, *words, answer=""):
    """Run `webhooks register` successfully; return its result."""
    result = deployed.run("webhooks", "register", *words, input=answer)
    assert result.exit_code == 0, result.output
    return result


def test_the_endpoint_is_created_once_and_its_secret_printed_once(deployed):
    deployed.delete_endpoint()
    secret = SETTING.search(register(deployed).stdout)[1]
    created = deployed.endpoints()
    again = register(deployed)
    assert deployed.endpoints() == created
    assert "whsec_" not in again.stdout
    deployed.secret.write_text(secret)
    assert deployed.codes() == []


def test_the_secret_is_written_to_a_file(deployed):
    deployed.delete_endpoint()
    file = deployed.var / "new secret"
    result = register(deployed, "--secret-file", str(file))
    assert "whsec_" not in result.output
    assert f"stripe.webhook_secrets_file = {file}" in result.stdout
    assert file.stat().st_mode & 0o777 == 0o600
    deployed.secret.write_text(file.read_text())
    assert deployed.codes() == []


def test_an_existing_empty_file_is_made_private_before_it_holds_the_secret(deployed, monkeypatch):
    deployed.delete_endpoint()
    file, modes = deployed.var / "new", []
    file.touch()
    file.chmod(0o644)
    create_endpoint = Gateway.create_endpoint

    def create(*arguments):
        modes.append(file.stat().st_mode & 0o777)
        return create_endpoint(*arguments)

    monkeypatch.setattr(Gateway, "create_endpoint", create)
    register(deployed, "--secret-file", str(file))
    assert modes == [0o600]
    assert file.read_text().startswith("whsec_")


@pytest.mark.parametrize("name", ["none/such", "webhook"])
def test_without_a_usable_secret_file_no_endpoint_is_created(deployed, name):
    deployed.delete_endpoint()
    before = deployed.secret.read_text()
    refused = deployed.run("webhooks", "register", "--secret-file", f"{deployed.var}/{name}")
    assert refused.exit_code == 1
    assert deployed.endpoints() == []
    assert deployed.secret.read_text() == before


def test_a_secret_that_does_not_fit_on_the_disk_is_printed(deployed):
    deployed.delete_endpoint()
    result = register(deployed, "--secret-file", "/dev/full")
    deployed.secret.write_text(SETTING.search(result.output)[1])
    assert deployed.codes() == []


def test_the_secret_is_written_even_if_stripe_fails_afterwards(deployed, monkeypatch):
    deployed.delete_endpoint()

    def fail(*_arguments):
        raise StripeUnavailableError("status=500")

    with monkeypatch.context() as patch:
        patch.setattr(Gateway, "save_fingerprints", fail)
        register(deployed, "--secret-file", f"{deployed.var}/new")
    deployed.secret.write_text((deployed.var / "new").read_text())
    assert deployed.codes() == ["webhook_secret_unconfirmed"]
    register(deployed, answer="y\n")
    assert deployed.codes() == []


@pytest.mark.parametrize(
    ("answer", "expected"),
    [("y\n", []), ("n\n", ["webhook_secret_wrong"]), ("", ["webhook_secret_wrong"])],
)
def test_a_replaced_secret_is_confirmed_by_the_operator_only(deployed, answer, expected):
    deployed.secret.write_text("whsec_replaced")
    register(deployed, answer=answer)
    assert deployed.codes() == expected


def test_without_a_configured_secret_none_is_confirmed(deployed):
    deployed.secret.unlink()
    before = deployed.endpoints()
    register(deployed, answer="y\n")
    assert deployed.endpoints() == before


@pytest.mark.parametrize("before", [None, ""])
def test_a_shop_without_a_secret_gets_one(deployed, before):
    deployed.delete_endpoint()
    if before is None:
        deployed.secret.unlink()
    else:
        deployed.secret.write_text(before)
    register(deployed, "--secret-file", str(deployed.secret))
    assert deployed.codes() == []


def test_an_endpoint_of_another_api_version_is_reported(deployed, monkeypatch):
    module = import_module("bookshop.cli.stripe.webhooks")
    monkeypatch.setattr(module, "API_VERSION", "2030-01-01.fern")
    assert "2030-01-01.fern" in register(deployed).stdout


def test_with_other_invalid_settings_nothing_is_registered(deployed):
    deployed.delete_endpoint()
    deployed.secret.unlink()
    deployed.write("bookshop.name", "")
    refused = deployed.run("webhooks", "register")
    assert refused.exit_code == 2
    assert "bookshop.name" in refused.output
    assert deployed.endpoints() == []


def test_a_faulty_endpoint_is_repaired(deployed):
    deployed.change_endpoint(disabled="true")
    deployed.change_endpoint(**{"enabled_events[]": "payment_intent.succeeded"})
    register(deployed)
    assert deployed.codes() == []


def test_a_second_endpoint_that_is_disabled_is_not_changed(deployed):
    secret = deployed.secret.read_text()
    second = deployed.register()
    deployed.secret.write_text(secret)
    deployed.sandbox.api("POST", f"/v1/webhook_endpoints/{second}", {"disabled": "true"})
    assert deployed.codes() == []
    before = deployed.endpoints()
    register(deployed)
    assert deployed.endpoints() == before


def test_endpoints_at_other_addresses_are_listed_and_not_changed(deployed):
    other = {"url": "https://other.example/webhooks/stripe", "enabled_events[]": "charge.succeeded"}
    deployed.sandbox.api("POST", "/v1/webhook_endpoints", other)
    before = deployed.endpoints()
    register(deployed)
    assert deployed.endpoints() == before
    assert "https://other.example" in deployed.run("webhooks", "list").stdout


@pytest.mark.parametrize("words", [("webhooks", "register"), ("webhooks", "list")])
def test_without_stripe_the_commands_exit_with_1(deployed, words):
    deployed.write("stripe.api_base", "http://127.0.0.1:1")
    result = deployed.run(*words)
    assert result.exit_code == 1
    assert isinstance(result.exception, SystemExit)


# --- what is registered


def test_addresses_with_different_paths_are_different_endpoints():
    def endpoint(url):
        return Endpoint("we_1", url, True, frozenset(), None, frozenset())

    same = [endpoint("https://Shop.Example/webhooks/stripe/")]
    others = [endpoint("https://shop.example/Webhooks/stripe"), endpoint("http://shop.example/")]
    assert endpoints_at("https://shop.example/webhooks/stripe", same + others, []) == same


def test_every_event_that_the_shop_handles_is_subscribed_to():
    assert [kind for kind in EVENT_TYPES if not kind.startswith(HANDLED_PREFIXES)] == []
    for prefix in HANDLED_PREFIXES:
        assert any(kind.startswith(prefix) for kind in EVENT_TYPES)
