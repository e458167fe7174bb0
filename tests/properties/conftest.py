"""A shop and a sandbox for thousands of steps."""

import pytest

from tests.plugins.postgres import WITH_DEMO
from tests.properties.rig import Rig


@pytest.fixture
def sqlite_rig(tmp_path, template, monkeypatch):
    rig = Rig(tmp_path, template, monkeypatch)
    yield rig
    rig.close()


@pytest.fixture
def postgres_rig(tmp_path, template, monkeypatch, postgres):
    url = postgres.create(template=WITH_DEMO)
    rig = Rig(
        tmp_path,
        template,
        monkeypatch,
        postgres,
        sqlalchemy__url=url.render_as_string(hide_password=False),
    )
    yield rig
    rig.close()
    postgres.drop(url.database)
