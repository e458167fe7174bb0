"""`bookshop webhooks`."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from io import FileIO
from pathlib import Path

import click

from bookshop.cli.shop import SettingsFault, ShopContext
from bookshop.payments.account import Endpoint, endpoints_at
from bookshop.payments.errors import PaymentsError
from bookshop.payments.gateway import Gateway
from bookshop.payments.webhook_signatures import API_VERSION
from bookshop.services import Services
from bookshop.settings import SettingsError
from bookshop.settings.parsers import Secret
from bookshop.webhooks.resources import address

ONLY_OWNER = 0o600
KEY = "stripe.webhook_secrets"
NOT_YET = "whsec_not_yet"
DASHBOARD = "Stripe's dashboard shows it under Developers, Webhooks"


@click.group()
def webhooks() -> None:
    """See to it that Stripe tells the shop what happens."""


@webhooks.command()
@click.option(
    "--secret-file",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Write a new endpoint's secret there instead of showing it.",
)
@click.pass_obj
def register(shop: ShopContext, *, secret_file: Path | None) -> None:
    """Make the endpoint at Stripe, or mend the one that is there.

    It can be repeated, and touches no endpoint at another address.
    """
    services = _services(shop)
    settings, gateway = services.settings, services.payments
    url, secrets = address(settings.shop.url), settings.stripe.webhook_secrets
    try:
        found = endpoints_at(url, gateway.list_endpoints(), secrets)
        if not found:
            with _kept(secret_file) as file:
                _make(gateway, url, file)
            return
        good = found[0].enabled and not found[0].missing_events
        endpoint = found[0] if good else gateway.repair_endpoint(found[0].id)
        done = "was right already" if good else "is mended"
        click.echo(f"The endpoint {endpoint.id} at {url} {done}.")
        _mark(gateway, endpoint, secrets)
    except PaymentsError as err:
        message = f"Stripe did not do it ({err}). Try again; see also: bookshop check"
        raise click.ClickException(message) from err
    if endpoint.api_version not in {None, API_VERSION}:
        click.echo(
            f"It tells events in version {endpoint.api_version} of the API, and {API_VERSION} is"
            " wanted: delete it in Stripe's dashboard, and run this again."
        )


def _make(gateway: Gateway, url: str, file: FileIO | None) -> None:
    """Make the endpoint, and hand its secret over before anything else can go wrong."""
    endpoint, secret = gateway.create_endpoint(url)
    click.echo(f"Stripe sends events to {url} from now on (endpoint {endpoint.id}).")
    _hand_over(secret, file)
    try:
        gateway.save_fingerprints(endpoint.id, [secret])
    except PaymentsError as err:
        message = f"Stripe did not keep which secret that is ({err}): write it, and run this again."
        click.echo(message, err=True)


def _hand_over(secret: Secret, file: FileIO | None) -> None:
    if file is not None:
        try:
            file.write(f"{secret.reveal()}\n".encode())
            os.fsync(file.fileno())
        except OSError as err:
            click.echo(f"{file.name} could not be written ({err.strerror}).", err=True)
        else:
            click.echo(f"Write: {KEY}_file = {file.name}")
            return
    click.echo(f"Its secret is shown only now:\n\n{KEY} = {secret.reveal()}")


@contextmanager
def _kept(path: Path | None) -> Iterator[FileIO | None]:
    """The file for the secret, for nobody else to read: open before Stripe tells the secret."""
    if path is None:
        yield None
        return
    try:
        file = FileIO(path.resolve(), "a", opener=partial(os.open, mode=ONLY_OWNER))
    except OSError as err:
        message = f"{path} cannot be written ({err.strerror}). Nothing was changed."
        raise click.ClickException(message) from err
    with file:
        if file.tell():
            message = f"{path} is there already: name a file that is not. Nothing was changed."
            raise click.ClickException(message)
        os.fchmod(file.fileno(), ONLY_OWNER)
        yield file


def _mark(gateway: Gateway, endpoint: Endpoint, secrets: tuple[Secret, ...]) -> None:
    """Have Stripe keep which secret is the endpoint's, where a person says that it is ours."""
    if endpoint.signs_with_one_of(secrets):
        return
    if [secret.reveal() for secret in secrets] == [NOT_YET]:
        click.echo(f"Its secret is not written here yet ({DASHBOARD}): {KEY} = …")
        return
    click.echo(f"Whether {KEY} has its signing secret is not known ({DASHBOARD}).")
    try:
        ours = click.confirm("Is it the same?")
    except click.Abort:  # nobody is there to say so
        click.echo()
        return
    if ours:
        gateway.save_fingerprints(endpoint.id, secrets)


def _services(shop: ShopContext) -> Services:
    """The shop's registry, also while it has no secret: whoever registers does so to get one."""
    try:
        return shop.services
    except SettingsFault as fault:
        cause = fault.__cause__
        if not isinstance(cause, SettingsError) or {each.key for each in cause.problems} != {KEY}:
            raise
    shop.section.pop(f"{KEY}_file", None)
    shop.section[KEY] = NOT_YET
    return shop.services


@webhooks.command("list")
@click.pass_obj
def list_(shop: ShopContext) -> None:
    """Show all endpoints of the account."""
    try:
        found = shop.services.payments.list_endpoints()
    except PaymentsError as err:
        message = f"Stripe did not tell ({err}). See also: bookshop check"
        raise click.ClickException(message) from err
    for each in found:
        state = "on" if each.enabled else "off"
        click.echo(f"{each.id}  {state:3}  {each.api_version or '-'}  {each.url}")
