"""The resource tree: parents and names, branches, errors in lookups, and one path a resource."""

from types import SimpleNamespace

import pytest
from pyramid.config import Configurator
from pyramid.exceptions import ConfigurationConflictError
from pyramid.response import Response
from pyramid.testing import DummyRequest
from pyramid.traversal import traverse
from webtest import TestApp

from bookshop.web.resources import LookupBugError, Resource, Shop, is_canonical_path


class Folder(Resource):
    def child(self, name):
        return Folder(self.request) if name.startswith("s") else None


class Broken(Resource):
    def child(self, name):
        return {}[name]


@pytest.fixture
def config(tmp_path):
    config = Configurator()
    shop = SimpleNamespace(maintenance=tmp_path / "maintenance")
    config.registry.services = SimpleNamespace(settings=SimpleNamespace(shop=shop))
    config.include("bookshop.web.resources")
    return config


def root(config):
    config.commit()
    request = DummyRequest()
    request.registry = config.registry
    return Shop(request)


def test_a_child_has_parent_and_name(config):
    config.add_branch("folder", Folder)
    shop = root(config)
    found = traverse(shop, "/folder/s1/s2")["context"]
    names = []
    while found is not None:
        names.append(found.__name__)
        found = found.__parent__
    assert names == ["s2", "s1", "folder", ""]


def test_a_missing_child_raises_key_error(config):
    config.add_branch("folder", Folder)
    shop = root(config)
    for place, name in ((shop, "books"), (shop["folder"], "x")):
        with pytest.raises(KeyError) as caught:
            place[name]
        assert caught.value.args == (name,)


def test_a_resource_has_no_children_by_default(config):
    with pytest.raises(KeyError):
        Resource(DummyRequest())["x"]


def test_a_key_error_inside_a_lookup_is_not_a_404(config):
    config.add_branch("broken", Broken)
    with pytest.raises(LookupBugError, match=r"Broken\.child\('x'\) failed") as caught:
        root(config)["broken"]["x"]
    assert not isinstance(caught.value, KeyError)
    assert isinstance(caught.value.__cause__, KeyError)


def test_two_branches_of_one_name_conflict(config):
    config.add_branch("folder", Folder)
    config.add_branch("folder", Broken)
    with pytest.raises(ConfigurationConflictError):
        config.commit()


# --- one path a resource


@pytest.fixture
def app(configure):
    """A shop with the view `/page`."""
    config = configure()
    view = {"context": Shop, "name": "page", "writes": False, "private": False}
    config.add_view(lambda _context, _request: Response("page"), **view)
    yield TestApp(config.make_wsgi_app(), extra_environ={"HTTP_HOST": "localhost"})
    config.registry.job_worker.stop()
    config.registry.mail_worker.stop()


ALIASES = [
    *("/@@page", "//page", "/./page", "/.//page", "/x/../page", "/page/.", "/page/x/.."),
    *("/@@", "/books/@@", "/books/../@@page", "/static/../page", "/health/../page"),
    *("/books//9780000000000", "/books//", "/metrics/../metrics"),
]


@pytest.mark.parametrize("encoded", [False, True])
@pytest.mark.parametrize("path", ALIASES)
def test_other_spellings_of_a_path_are_refused(app, path, encoded):
    if encoded:
        path = "/" + "".join(f"%{ord(each):02x}" for each in path[1:])
    assert app.get("/page").text == "page"
    assert app.get(path, status=404).html.select_one("[data-error-code=page_not_found]")
    assert app.post(path, status=404)


@pytest.mark.parametrize("path", ["/", "/page", "/page/", "/books/", "/a.b/..c/@x/x@@", "/..."])
def test_a_path_that_is_no_alias_is_canonical(path):
    assert is_canonical_path(path)


def test_an_encoded_path_reaches_the_same_view(app):
    assert app.get("/%70%61ge").text == "page"


@pytest.mark.parametrize("root", ["/books", "/health/live", "page", "/metrics"])
def test_a_header_does_not_choose_what_a_path_leads_to(app, root):
    home = app.get("/", headers={"X-Vhm-Root": root})
    assert home.text == app.get("/").text
    assert app.get("/page", headers={"X-Vhm-Root": root}).text == "page"
