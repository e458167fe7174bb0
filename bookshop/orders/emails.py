"""Composes e-mails about orders from `templates/mail`, in the shop's language."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date
from functools import cached_property
from typing import Any
from urllib.parse import urlencode

from jinja2 import Environment
from pyramid.i18n import make_localizer
from pyramid.interfaces import ITranslationDirectories
from pyramid.registry import Registry
from pyramid_jinja2 import IJinja2Environment
from sqlalchemy.orm import Session

from bookshop.catalogue import labels
from bookshop.mail.message import EmailContent, QueuedMail
from bookshop.money import Money
from bookshop.orders.fulfilment.preorders import expected_release
from bookshop.orders.links import LIFE, order_url
from bookshop.orders.models import Order
from bookshop.orders.notifications import MailKind
from bookshop.orders.snapshot import LineSnapshot, OrderSnapshot, order_snapshot
from bookshop.services import services

DOMAIN = "bookshop"


class EmailComposer:
    """The composer that the mail worker of a shop uses; implements `mail.message.Composer`."""

    def __init__(self, registry: Registry) -> None:
        self._registry = registry

    def compose(self, mail: QueuedMail) -> EmailContent:
        """Return the content for the order as it is now. Raises the errors of a broken template."""
        with Session(services(self._registry).engine) as session:
            order = order_snapshot(session.get_one(Order, mail.order_id))
        return self.render(mail, order)

    def render(self, mail: QueuedMail, order: OrderSnapshot) -> EmailContent:
        """Return the content of the e-mail about `order`."""
        values = self._values(mail, order)
        text = self._text.get_template(f"mail/{mail.kind}.txt.jinja2")
        html = self._html.get_template(f"mail/{mail.kind}.html.jinja2")
        subject = "".join(text.blocks["subject"](text.new_context(values))).strip()
        return EmailContent(
            subject=subject,
            # Template blocks without content leave blank lines behind.
            text=re.sub(r"\n{3,}", "\n\n", text.render(values)),
            html=html.render(values, subject=subject),
        )

    def _values(self, mail: QueuedMail, order: OrderSnapshot) -> dict[str, Any]:
        shop = services(self._registry).settings.shop
        values = {
            "shop": shop,
            "order": order,
            "order_url": order_url(shop, order.number),
            "days": LIFE.days,
            "retry_url": f"{shop.url}/checkout?{urlencode({'item': order.lines[0].sku})}",
        }
        match MailKind(mail.kind):
            case MailKind.PAID:
                values["preorders"] = self._preordered(order)
            case MailKind.REFUNDED:
                values["amount"] = Money(mail.detail["amount"], order.total.currency)
            case MailKind.SHIPPED:
                lines = {line.sku: line for line in order.lines}
                values["sent"] = [
                    {**sent, "book": lines.get(sent.get("sku"))} for sent in mail.detail["lines"]
                ]
                values["tracking"] = mail.detail["tracking"]
        return values

    def _preordered(self, order: OrderSnapshot) -> list[tuple[str, date]]:
        """Return title and release date of the books that are not published yet."""
        catalogue = services(self._registry).catalogue
        dated = (
            (line.title, expected_release(order, line, catalogue.detail(line.sku)))
            for line in order.lines
        )
        return [(title, day) for title, day in dated if day is not None]

    @cached_property
    def _html(self) -> Environment:
        return self._environment(autoescape=True)

    @cached_property
    def _text(self) -> Environment:
        return self._environment(autoescape=False)

    def _environment(self, *, autoescape: bool) -> Environment:
        """Return the pages' environment, which translates without a request."""
        pages = self._registry.getUtility(IJinja2Environment, name=".jinja2")
        localizer = make_localizer(
            services(self._registry).settings.shop.locale,
            self._registry.queryUtility(ITranslationDirectories, default=[]),
        )

        def gettext(text: str) -> str:
            translated: str = localizer.translate(text, domain=DOMAIN)
            return translated

        def ngettext(singular: str, plural: str, number: int) -> str:
            translated: str = localizer.pluralize(singular, plural, number, domain=DOMAIN)
            return translated

        environment: Environment = pages.overlay(autoescape=autoescape)
        environment.globals = {
            **pages.globals,
            "gettext": gettext,
            "ngettext": ngettext,
            "edition_of": lambda line: _edition_of(line, gettext),
        }
        return environment


def _edition_of(line: LineSnapshot, gettext: Callable[[str], str]) -> str:
    """Return author and format of a line; empty for lines of older orders, which lack them."""
    form = gettext(labels.form(line.form)) if line.form else ""
    return ", ".join(filter(None, (line.byline, form)))
