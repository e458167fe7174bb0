"""`bookshop webhooks`."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from io import FileIO
from pathlib import Path

import click

from bookshop.cli.shop import InvalidSettingsError, ShopContext
from bookshop.payments.account import Endpoint, endpoints_at
from bookshop.payments.errors import PaymentsError
from bookshop.payments.gateway import Gateway
from bookshop.payments.webhook_signatures import API_VERSION
from bookshop.services import Services
from bookshop.settings import SettingsError
from bookshop.settings.parsers import Secret
from bookshop.webhooks.resources import webhook_url

OWNER_ONLY = 0o600
SETTING = "stripe.webhook_secrets"
PLACEHOLDER = "whsec_placeholder"  # while no secret is configured
DASHBOARD = "Stripe's dashboard shows it under Developers, Webhooks"


@click.group()
def webhooks() -> None:
    """Set up Stripe webhooks."""


@webhooks.command()
@click.option(
    "--secret-file",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Write a new endpoint's signing secret to this file instead of printing it.",
)
@click.pass_obj
def register(shop: ShopContext, *, secret_file: Path | None) -> None:
    """Create or repair the webhook endpoint at Stripe.

    Repeatable. Endpoints at other addresses are not changed.
    """
    services = _services(shop)
    settings, gateway = services.settings, services.payments
    url, secrets = webhook_url(settings.shop.url), settings.stripe.webhook_secrets
    try:
        existing = endpoints_at(url, gateway.list_endpoints(), secrets)
        if not existing:
            with _secret_file(secret_file) as file:
                _create(gateway, url, file)
            return
        endpoint = existing[0]
        intact = endpoint.enabled and not endpoint.missing_events
        if not intact:
            endpoint = gateway.repair_endpoint(endpoint.id)
        click.echo(f"Endpoint {endpoint.id} at {url}: {'no change' if intact else 'repaired'}.")
        _confirm_secret(gateway, endpoint, secrets)
    except PaymentsError as err:
        message = f"Stripe did not respond or refused: {err}. Try again, or run: bookshop check"
        raise click.ClickException(message) from err
    if endpoint.api_version not in {None, API_VERSION}:
        click.echo(
            f"The endpoint sends events in API version {endpoint.api_version}; expected:"
            f" {API_VERSION}. Delete it in Stripe's dashboard and run this command again."
        )


def _create(gateway: Gateway, url: str, file: FileIO | None) -> None:
    """Create the endpoint, and hand out its secret before anything else can fail."""
    endpoint, secret = gateway.create_endpoint(url)
    click.echo(f"Endpoint {endpoint.id} created: Stripe now sends events to {url}.")
    _hand_out(secret, file)
    try:
        gateway.save_fingerprints(endpoint.id, [secret])
    except PaymentsError as err:
        message = f"Stripe did not store the secret's fingerprint ({err}). Run this command again."
        click.echo(message, err=True)


def _hand_out(secret: Secret, file: FileIO | None) -> None:
    if file is not None:
        try:
            file.write(f"{secret.reveal()}\n".encode())
            os.fsync(file.fileno())
        except OSError as err:
            click.echo(f"{file.name} could not be written ({err.strerror}).", err=True)
        else:
            click.echo(f"Setting: {SETTING}_file = {file.name}")
            return
    click.echo(f"The signing secret is shown only once:\n\n{SETTING} = {secret.reveal()}")


@contextmanager
def _secret_file(path: Path | None) -> Iterator[FileIO | None]:
    """Open the file for the secret, readable by its owner only, before Stripe reveals it."""
    if path is None:
        yield None
        return
    try:
        file = FileIO(path.resolve(), "a", opener=partial(os.open, mode=OWNER_ONLY))
    except OSError as err:
        message = f"{path} cannot be written ({err.strerror}). Nothing was changed."
        raise click.ClickException(message) from err
    with file:
        if file.tell():
            message = f"{path} already exists: name a new file. Nothing was changed."
            raise click.ClickException(message)
        os.fchmod(file.fileno(), OWNER_ONLY)
        yield file


def _confirm_secret(gateway: Gateway, endpoint: Endpoint, secrets: tuple[Secret, ...]) -> None:
    """Ask the operator if the configured secret is the endpoint's, and store the answer."""
    if endpoint.signs_with_one_of(secrets):
        return
    if [secret.reveal() for secret in secrets] == [PLACEHOLDER]:
        click.echo(f"Its signing secret is not configured yet ({DASHBOARD}): {SETTING} = …")
        return
    click.echo(f"Please compare {SETTING} with the endpoint's signing secret ({DASHBOARD}).")
    try:
        confirmed = click.confirm("Are they the same?")
    except click.Abort:  # no terminal
        click.echo()
        return
    if confirmed:
        gateway.save_fingerprints(endpoint.id, secrets)


def _services(shop: ShopContext) -> Services:
    """Return the shop's services, also without a webhook secret: registering provides one."""
    try:
        return shop.services
    except InvalidSettingsError as fault:
        cause = fault.__cause__
        if not isinstance(cause, SettingsError):
            raise
        if {problem.key for problem in cause.problems} != {SETTING}:
            raise
    shop.section.pop(f"{SETTING}_file", None)
    shop.section[SETTING] = PLACEHOLDER
    return shop.services


@webhooks.command("list")
@click.pass_obj
def list_command(shop: ShopContext) -> None:
    """List all webhook endpoints of the account."""
    try:
        endpoints = shop.services.payments.list_endpoints()
    except PaymentsError as err:
        message = f"Stripe did not respond or refused: {err}. Run: bookshop check"
        raise click.ClickException(message) from err
    for endpoint in endpoints:
        state = "on" if endpoint.enabled else "off"
        version = endpoint.api_version or "-"
        click.echo(f"{endpoint.id}  {state:3}  {version}  {endpoint.url}")
