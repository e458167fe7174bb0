"""What the shop is measured against: a bare view of Pyramid's, and three books in Flask.

The Flask shop is the same three pages from the same description, written the plain way: books in a
list, templates rendered for each request, no database.
"""

from __future__ import annotations

from typing import Any

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


def flask_shop() -> Any:
    """The WSGI application of the Flask shop: its index, and a page for each book."""
    app = Flask(__name__)
    app.jinja_loader = DictLoader({"page.html": PAGE, "index.html": INDEX, "book.html": BOOK})

    @app.get("/")
    def index() -> str:
        return render_template("index.html", books=BOOKS)

    @app.get("/books/<sku>")
    def book(sku: str) -> str:
        found = BOOKS.get(sku)
        if found is None:
            abort(404)
        return render_template("book.html", sku=sku, book=found, query=request.args)

    return app


def bare_pyramid(body: bytes) -> Any:
    """The WSGI application of one view that answers `body`, and nothing else."""
    with Configurator() as config:
        config.add_view(lambda _request: Response(body, content_type="text/html"))
        return config.make_wsgi_app()
