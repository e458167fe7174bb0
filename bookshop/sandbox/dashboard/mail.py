"""Dashboard pages: the e-mails that the shop wrote to a folder instead of sending them."""

from __future__ import annotations

from email import policy
from email.message import EmailMessage
from email.parser import BytesParser
from pathlib import Path
from typing import Any, cast
from urllib.parse import quote

from pyramid.httpexceptions import HTTPNotFound
from pyramid.request import Request
from pyramid.response import Response

from bookshop.sandbox.control.views import sandbox_of
from bookshop.sandbox.dashboard.views import MAX_ROWS

#: The policy of an e-mail's HTML in the dashboard: styles and images only.
HTML_POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; img-src data:; sandbox; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'self'"
)
#: Prefixes of headers that are not listed: the page's title, and headers for programs.
HIDDEN = ("subject", "mime-", "content-")
HEADERS = {
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}


def mails(request: Request) -> dict[str, Any]:
    """Show the mails, newest first."""
    folder = sandbox_of(request).options.mail
    rows = [{"name": path.name, **_envelope(path)} for path in _newest(folder)[:MAX_ROWS]]
    return {"page": "mail", "mails": rows, "folder": folder}


def mail(request: Request) -> dict[str, Any]:
    """Show one e-mail: headers, text, and HTML in a frame."""
    path = _requested_file(request)
    message = _read(path)
    text, html = message.get_body(("plain",)), message.get_body(("html",))
    frame = request.response.headers["Content-Security-Policy"] + "; frame-src 'self'"
    request.response.headers["Content-Security-Policy"] = frame
    return {
        "page": "mail",
        "name": path.name,
        "subject": message["Subject"],
        "headers": [pair for pair in message.items() if not pair[0].lower().startswith(HIDDEN)],
        "text": cast("EmailMessage", text).get_content() if text else None,
        "html": html is not None,
    }


def html_part(request: Request) -> Response:
    """Return the HTML part of an e-mail, for the frame on its page."""
    html = _read(_requested_file(request)).get_body(("html",))
    if html is None:
        raise HTTPNotFound("This mail has no HTML.")
    response = Response(text=cast("EmailMessage", html).get_content(), content_type="text/html")
    response.headers.update({**HEADERS, "Content-Security-Policy": HTML_POLICY})
    return response


def source(request: Request) -> Response:
    """Return the e-mail's source, as a download."""
    path = _requested_file(request)
    response = Response(body=path.read_bytes(), content_type="message/rfc822")
    response.content_disposition = f"attachment; filename*=UTF-8''{quote(path.name)}"
    response.headers.update(HEADERS)
    return response


def _newest(folder: Path | None) -> list[Path]:
    if folder is None or not folder.is_dir():
        return []
    files = (path for path in folder.glob("*.eml") if path.is_file())
    return sorted(files, key=lambda path: (path.stat().st_mtime_ns, path), reverse=True)


def _requested_file(request: Request) -> Path:
    """Return the file named in the path. Raises HTTPNotFound if it is not in the folder."""
    for path in _newest(sandbox_of(request).options.mail):
        if path.name == request.matchdict["name"]:
            return path
    raise HTTPNotFound("There is no such mail.")


def _envelope(path: Path) -> dict[str, Any]:
    message = _read(path, headers_only=True)
    sent_at = message["Date"] and message["Date"].datetime
    return {
        "subject": message["Subject"],
        "to": message["To"],
        "date": sent_at.timestamp() if sent_at else path.stat().st_mtime,
    }


def _read(path: Path, *, headers_only: bool = False) -> EmailMessage:
    parser = BytesParser(policy=policy.default)
    return parser.parsebytes(path.read_bytes(), headersonly=headers_only)
