"""The contestants of the benchmark: a bare Pyramid view, and a Flask shop of three books.

The Flask shop has the same three pages, written simply: books in a list, templates rendered for
each request, no database, a PaymentIntent for each visit of the checkout.
"""

from __future__ import annotations

from typing import Any

import stripe
from flask import Flask, abort, render_template, request
from jinja2 import DictLoader
from pyramid.config import Configurator
from pyramid.response import Response

BOOKS = {
    "1": {"title": "The Museum of Almost", "author": "Leilani Ferreira-Quist", "amount": 2200},
    "2": {"title": "Moss", "author": "Wren Abernathy", "amount": 2200},
    "3": {"title": "Salt, Slowly", "author": "Ines Achterberg", "amount": 1699},
}
PAGE = """<!doctype html>
<html lang="en">
<head>
  <meta charset="utf-8">
  <meta name="viewport" content="width=device-width, initial-scale=1">
  <title>{% block title %}Books{% endblock %}</title>
  <link rel="stylesheet" href="/static/shop.css">
</head>
<body>
  <header><a href="/">Books</a></header>
  <main>{% block main %}{% endblock %}</main>
  <footer>Questions? Write to us.</footer>
</body>
</html>
"""
INDEX = """{% extends "page.html" %}
{% block main %}
<h1>Books</h1>
<ul>
  {% for sku, book in books.items() %}
  <li>
    <img src="/static/{{ sku }}.jpg" alt="" width="400" height="600">
    <h2><a href="/books/{{ sku }}">{{ book.title }}</a></h2>
    <p>{{ book.author }}</p>
    <p>£{{ "%.2f" | format(book.amount / 100) }}</p>
    <a href="/checkout?item={{ sku }}">Buy</a>
  </li>
  {% endfor %}
</ul>
{% endblock %}
"""
BOOK = """{% extends "page.html" %}
{% block title %}{{ book.title }}{% endblock %}
{% block main %}
<h1>{{ book.title }}</h1>
<p>{{ book.author }}</p>
<p>£{{ "%.2f" | format(book.amount / 100) }}</p>
<a href="/checkout?item={{ sku }}">Buy</a>
{% endblock %}
"""


CHECKOUT = """{% extends "page.html" %}
{% block main %}
<h1>{{ title }}</h1>
<p>£{{ "%.2f" | format(amount / 100) }}</p>
<form id="payment-form" data-key="{{ public_key }}" data-secret="{{ client_secret }}">
  <div id="payment-element"></div>
  <button>Pay</button>
</form>
<script src="https://js.stripe.com/endive/stripe.js"></script>
{% endblock %}
"""
SUCCESS = """{% extends "page.html" %}
{% block main %}<h1>{{ "Thank you" if paid else "Not paid yet" }}</h1>{% endblock %}
"""
TEMPLATES = {
    "page.html": PAGE,
    "index.html": INDEX,
    "book.html": BOOK,
    "checkout.html": CHECKOUT,
    "success.html": SUCCESS,
}


def flask_shop(secret_key: str, stripe_url: str) -> Any:
    """Return the Flask shop: index, a page for each book, checkout, success."""
    app = Flask(__name__)
    app.jinja_loader = DictLoader(TEMPLATES)
    client = stripe.StripeClient(secret_key, base_addresses={"api": stripe_url})

    @app.get("/")
    def index() -> str:
        return render_template("index.html", books=BOOKS)

    @app.get("/books/<sku>")
    def book(sku: str) -> str:
        found = BOOKS.get(sku)
        if found is None:
            abort(404)
        return render_template("book.html", sku=sku, book=found, query=request.args)

    @app.get("/checkout")
    def checkout() -> str:
        book = BOOKS.get(request.args.get("item", ""))
        if book is None:
            abort(404)
        intent = client.v1.payment_intents.create(
            {
                "amount": book["amount"],
                "currency": "gbp",
                "automatic_payment_methods": {"enabled": True},
            }
        )
        return render_template(
            "checkout.html",
            public_key="pk_test_1",
            title=book["title"],
            amount=book["amount"],
            client_secret=intent.client_secret,
        )

    @app.get("/success")
    def success() -> str:
        intent = client.v1.payment_intents.retrieve(request.args.get("pi", ""))
        return render_template("success.html", paid=intent.status == "succeeded")

    return app


def bare_pyramid(body: bytes) -> Any:
    """Return a Pyramid application with one view that returns `body`."""
    with Configurator() as config:
        config.add_view(lambda _request: Response(body, content_type="text/html"))
        return config.make_wsgi_app()
