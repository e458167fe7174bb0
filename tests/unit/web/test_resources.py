"""The resource tree: parents and names, branches, and errors in lookups."""

import pytest
from pyramid.config import Configurator
from pyramid.exceptions import ConfigurationConflictError
from pyramid.testing import DummyRequest
from pyramid.traversal import traverse

from bookshop.web.resources import LookupBugError, Resource, Shop


class Folder(Resource):
    def child(self, name):
        return Folder(self.request) if name.startswith("s") else None


class Broken(Resource):
    def child(self, name):
        return {}[name]


@pytest.fixture
def config():
    config = Configurator()
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
