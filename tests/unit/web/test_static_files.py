"""Static files: their names, what is said of them, and in which form they are sent."""

import gzip
import hashlib
from types import SimpleNamespace

import brotli
import hupper
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyramid.config import Configurator
from webob import Request

from bookshop.web.http_cache import accepted, entity_tag, matches
from bookshop.web.static_files import StaticFiles

STYLE = b"body { color: black }\n" * 50


def folder_of(path, **files):
    path.mkdir()
    for name, body in files.items():
        (path / name.replace("__", ".")).write_bytes(body)
    return path


@pytest.fixture
def assets(tmp_path):
    folder = folder_of(tmp_path / "static", base__css=STYLE, cover__png=b"\x89PNG" * 99)
    return StaticFiles("/static/", [folder])


def ask(assets, path, method="GET", **headers):
    """The response to a request, or None where it is left to others."""
    request = Request.blank(path, method=method)
    for name, value in headers.items():
        request.headers[name.replace("_", "-")] = value
    answer = assets.answer(request.environ)
    return answer and request.get_response(answer)


def test_hashed_names_are_immutable(assets):
    path = assets.path("base.css")
    assert path == f"/static/base.{hashlib.sha256(STYLE).hexdigest()[:16]}.css"
    answer = ask(assets, path)
    assert answer.body == STYLE
    assert answer.headers["Cache-Control"] == "public, max-age=31536000, immutable"
    assert answer.headers["Content-Type"] == "text/css; charset=utf-8"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert "default-src 'none'" in answer.headers["Content-Security-Policy"]


def test_other_content_has_another_hash(tmp_path, assets):
    other = StaticFiles("/static/", [folder_of(tmp_path / "other", base__css=b"p {}")])
    assert other.path("base.css") != assets.path("base.css")


def test_unhashed_names_are_cached_briefly(assets):
    answer = ask(assets, "/static/base.css")
    assert answer.body == STYLE
    assert answer.headers["Cache-Control"] == "public, max-age=300"


def test_a_hash_of_another_version_gets_the_file_uncached(assets):
    answer = ask(assets, f"/static/base.{'0' * 16}.css")
    assert answer.body == STYLE
    assert answer.headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize(
    "path",
    [
        "/static/",
        "/static/missing.css",
        "/static/base.0123.css",
        f"/static/missing.{'0' * 16}.css",
        f"/static/base.css.{'0' * 16}",
        "/static/../assets.py",
        "/static//base.css",
        "/other/base.css",
    ],
)
def test_other_paths_are_not_answered(assets, path):
    assert ask(assets, path) is None


@pytest.mark.parametrize(
    ("header", "encoding", "read"),
    [
        ("gzip, deflate, br", "br", brotli.decompress),
        ("gzip", "gzip", gzip.decompress),
        ("br;q=0, *", "gzip", gzip.decompress),
        ("deflate", None, bytes),
        ("", None, bytes),
    ],
)
def test_text_is_sent_in_an_accepted_encoding(assets, header, encoding, read):
    answer = ask(assets, assets.path("base.css"), Accept_Encoding=header)
    assert answer.headers.get("Content-Encoding") == encoding
    assert read(answer.body) == STYLE
    assert int(answer.headers["Content-Length"]) == len(answer.body)
    assert answer.headers["Vary"] == "Accept-Encoding"
    assert answer.headers["ETag"].endswith(f'-{encoding or "identity"}"')


def test_text_is_compressed_once(assets, monkeypatch):
    path = assets.path("base.css")
    first = ask(assets, path, Accept_Encoding="br").body
    monkeypatch.setattr(brotli, "compress", None)
    assert ask(assets, path, Accept_Encoding="br").body == first


def test_images_are_not_compressed(assets):
    answer = ask(assets, assets.path("cover.png"), Accept_Encoding="br")
    assert answer.content_type == "image/png"
    assert "Content-Encoding" not in answer.headers
    assert "Vary" not in answer.headers


def test_head_has_the_same_headers_and_no_body(assets):
    path = assets.path("base.css")
    whole, head = (ask(assets, path, method, Accept_Encoding="br") for method in ("GET", "HEAD"))
    assert head.body == b""
    assert dict(head.headers) == dict(whole.headers)


def test_a_known_tag_gets_304(assets):
    path = assets.path("base.css")
    tag = ask(assets, path, Accept_Encoding="br").headers["ETag"]
    for known in (tag, f"W/{tag}", f'"other", {tag}', "*"):
        answer = ask(assets, path, Accept_Encoding="br", If_None_Match=known)
        assert answer.status_int == 304
        assert answer.body == b""
        assert answer.headers["ETag"] == tag
        assert answer.headers["Vary"] == "Accept-Encoding"
        assert "immutable" in answer.headers["Cache-Control"]
        assert not {"Content-Type", "Content-Security-Policy"} & set(answer.headers)
    for unknown in ('"other"', tag[1:-1], ""):
        answer = ask(assets, path, Accept_Encoding="br", If_None_Match=unknown)
        assert answer.status_int == 200
    assert ask(assets, path, Accept_Encoding="gzip", If_None_Match=tag).status_int == 200


def test_the_first_folder_takes_precedence(tmp_path):
    own = folder_of(tmp_path / "own", base__css=b"own {}")
    ours = folder_of(tmp_path / "ours", base__css=b"ours {}", more__css=b"more {}")
    assets = StaticFiles("/static/", [own, ours])
    assert ask(assets, assets.path("base.css")).body == b"own {}"
    assert ask(assets, assets.path("more.css")).body == b"more {}"


def test_subfolders_are_served_and_unknown_types_are_not(tmp_path):
    folder = folder_of(tmp_path / "static", note__html=b"<p>")
    folder_of(folder / "deep", a__js=b"1")
    assets = StaticFiles("/static/", [folder])
    assert ask(assets, assets.path("deep/a.js")).content_type == "text/javascript"
    assert ask(assets, "/static/note.html") is None


def test_the_reloader_watches_static_files(monkeypatch):
    watched = []
    config = Configurator()
    shop = SimpleNamespace(theme=None)
    config.registry.services = SimpleNamespace(
        settings=SimpleNamespace(shop=shop),
        request_log=None,
        static_files=StaticFiles("/static/", []),
    )
    config.include("bookshop.web.http_cache")
    monkeypatch.setattr(hupper, "is_active", lambda: True)
    monkeypatch.setattr(hupper, "get_reloader", lambda: SimpleNamespace(watch_files=watched.extend))
    config.include("bookshop.web.static_files")
    assert any(file.endswith("/static/tokens.css") for file in watched)


# --- what browsers say


@pytest.mark.parametrize(
    ("header", "encoding"),
    [
        ("br", "br"),
        ("BR", "br"),
        ("gzip;q=1.0, br;q=0.5", "gzip"),
        ("gzip;q=0.5, br;q=0.5", "br"),
        ("*", "br"),
        ("*;q=0", "identity"),
        ("identity", "identity"),
        ("identity;q=1, gzip;q=0.5", "identity"),
        ("identity;q=0.5, gzip;q=0.5", "gzip"),
        ("br; q=0", "identity"),
        ("gzip;q=junk", "gzip"),
        ("br;q=2", "br"),
        ("brotli, xbr", "identity"),
    ],
)
def test_the_best_accepted_encoding(header, encoding):
    assert accepted(header) == encoding


@given(st.text())
def test_any_accept_encoding_header_can_be_parsed(header):
    assert accepted(header) in {"br", "gzip", "identity"}


@given(st.text())
def test_any_if_none_match_header_can_be_parsed(header):
    tag = entity_tag("1-a", "br")
    assert matches(header, tag) == (header.strip() == "*" or tag in header[:512] or header == tag)
