"""Fixtures of a deployed shop without faults."""

import pytest

import bookshop
from tests.deployed_shop import DeployedShop
from tests.plugins.mail_server import MailServer
from tests.shops import Controls, start_sandbox


@pytest.fixture(scope="session")
def deployed_shop(tmp_path_factory, template):
    folder = tmp_path_factory.mktemp("deployed")
    # A sandbox of its own: the shop's endpoint would get the events of all other tests.
    sandbox = start_sandbox(folder)
    mail_server = MailServer()
    shop = DeployedShop(folder, template, Controls(sandbox.url), mail_server)
    yield shop
    shop.close()
    mail_server.close()
    sandbox.stop()


@pytest.fixture
def deployed(deployed_shop, monkeypatch):
    """The shop without faults; commands that ran on it are closed after the test."""
    configs = []

    def configure(section):
        configs.append(bookshop.configure(section))
        return configs[-1]

    monkeypatch.setattr("bookshop.cli.shop.configure", configure)
    monkeypatch.setattr("logging.basicConfig", lambda **_: None)
    deployed_shop.reset()
    yield deployed_shop
    for config in configs:
        config.registry.services.payments.close()
        config.registry.services.engine.dispose()
