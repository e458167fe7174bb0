"""`bookshop books show`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import click

from bookshop import clock
from bookshop.catalogue.importing.inspection import book_details
from bookshop.cli.shop import ShopContext, json_option, print_json, print_line
from bookshop.money import Money


@click.group()
def books() -> None:
    """Show books: record and own decisions."""


@books.command("show")
@click.argument("sku")
@json_option
@click.pass_obj
def show_book(shop: ShopContext, *, sku: str, as_json: bool) -> None:
    """Show a book's record, decisions and history.

    The record is the trade's; the decisions are the shop's own, and take precedence. Today's state
    and price follow from both.
    """
    shop.session().close()
    services = shop.services
    with services.engine.connect() as connection:
        today = services.sales_context.day(clock.now())
        book = book_details(connection, sku, services.sales_context, today)
    if book is None:
        message = f"There is no book {sku}."
        raise click.ClickException(message)
    if as_json:
        print_json(book)
        return
    for line in _describe(shop, book):
        print_line(line)


def _describe(shop: ShopContext, book: dict[str, Any]) -> Iterator[str]:
    locale = shop.services.settings.shop.locale
    price = {"amount": book["price"], "currency": book["currency"]}
    today = _money(price, locale) if book["price"] else "no price"
    yield f"{book['sku']}: {book['title']}"
    yield f"Today: {book['state']}, {today}"
    if book["withdrawn"]:
        yield "Withdrawn by its feed."
    if book["restrictions"]:
        yield f"Not for sale: {', '.join(book['restrictions'])}"
    stock = "unlimited" if book["stock"] is None else str(book["stock"])
    yield f"Stock: {stock}, {book['reserved']} reserved"
    trade = book["trade"]
    for offer in trade["offers"] or [trade]:
        countries = " ".join(offer.get("countries", ())) or "all countries"
        supplier = offer.get("supplier") or "the trade"
        prices = ", ".join(_money(each, locale) for each in offer.get("prices", ()))
        availability = offer.get("availability", "20")
        yield f"Offer of {supplier} in {countries}: {availability}, {prices or 'no price'}"
    yield f"Own decisions: {_decisions(book['decisions'], locale)}"
    for each in book["history"]:
        decisions = _decisions(each["decisions"], locale)
        yield f"{shop.local_minute(each['at'])} {each['cause']}: {decisions}"


def _decisions(decisions: dict[str, Any], locale: str) -> str:
    parts = [_money(price, locale) for price in decisions["prices"]]
    if decisions["description"] is not None:
        parts.append("own description")
    if decisions["blocked"]:
        parts.append("blocked")
    return ", ".join(parts) or "none"


def _money(price: dict[str, Any], locale: str) -> str:
    return Money(price["amount"], price["currency"]).format(locale)
