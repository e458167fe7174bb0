"""`bookshop webhooks`."""

from __future__ import annotations

from pathlib import Path

import click
from pyramid.registry import Registry

from bookshop.cli.shop import SettingsFault, ShopContext
from bookshop.payments.errors import PaymentsError
from bookshop.payments.setup import at
from bookshop.settings import SettingsError
from bookshop.webhooks.resources import address

ONLY_OWNER = 0o600
KEY = "stripe.webhook_secrets"
NOT_YET = "whsec_not_yet"


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
    registry = _registry(shop)
    settings, gateway = registry.bookshop, registry.payments
    url = address(settings.shop.url)
    if secret_file is not None and secret_file.exists() and secret_file.stat().st_size:
        message = f"{secret_file} is there already: name a file that is not, nothing was changed."
        raise click.ClickException(message)
    try:
        found = at(url, gateway.endpoints())
        if found:
            good = found[0].enabled and not found[0].missing
            if not good:
                gateway.mend_endpoint(found[0].id)
            done = "was right already" if good else "is mended"
            click.echo(f"The endpoint {found[0].id} at {url} {done}.")
            return
        endpoint, secret = gateway.create_endpoint(url)
    except PaymentsError as err:
        message = f"Stripe did not do it ({err}). Try again; see also: bookshop check"
        raise click.ClickException(message) from err
    click.echo(f"Stripe sends events to {url} from now on (endpoint {endpoint.id}).")
    if secret_file is None:
        click.echo(f"Its secret is shown only now:\n\nstripe.webhook_secrets = {secret.reveal()}")
        return
    secret_file.touch(mode=ONLY_OWNER)
    secret_file.write_text(f"{secret.reveal()}\n", encoding="utf-8")
    secret_file.chmod(ONLY_OWNER)
    click.echo(f"Write: {KEY}_file = {secret_file.resolve()}")


def _registry(shop: ShopContext) -> Registry:
    """The shop's registry, also while it has no secret: whoever registers does so to get one."""
    try:
        return shop.registry
    except SettingsFault as fault:
        cause = fault.__cause__
        if not isinstance(cause, SettingsError) or {each.key for each in cause.problems} != {KEY}:
            raise
    shop.section.pop(f"{KEY}_file", None)
    shop.section[KEY] = NOT_YET
    return shop.registry


@webhooks.command("list")
@click.pass_obj
def list_(shop: ShopContext) -> None:
    """Show all endpoints of the account."""
    try:
        found = shop.registry.payments.endpoints()
    except PaymentsError as err:
        message = f"Stripe did not tell ({err}). See also: bookshop check"
        raise click.ClickException(message) from err
    for each in found:
        state = "on" if each.enabled else "off"
        click.echo(f"{each.id}  {state:3}  {each.api_version or '-'}  {each.url}")
