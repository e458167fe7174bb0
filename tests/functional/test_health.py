"""The health checks for a supervisor and for a load balancer."""

import dataclasses
import errno
import os
import threading

import pytest

from bookshop.ops import health
from bookshop.ops.timeouts import DeadlineExceededError, TimeoutRunner


def test_a_running_shop_is_alive_and_ready(shop):
    visitor = shop.visitor()
    assert visitor.get("/health/live").text == "alive\n"
    answer = visitor.get("/health/ready")
    assert answer.json == {"database": "ok", "schema": "ok", "disk": "ok"}
    assert "Set-Cookie" not in answer.headers
    assert "no-cache" in answer.headers["Cache-Control"]


def test_a_shop_closed_for_maintenance_is_alive_and_ready(shop):
    (shop.var / "maintenance").touch()
    visitor = shop.visitor()
    visitor.get("/", status=503)
    visitor.get("/health/live")
    visitor.get("/health/ready")


def test_without_a_usable_database_it_is_alive_but_not_ready(make_each_shop):
    shop = make_each_shop()
    with shop.registry.services.engine.begin() as connection:
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '0001'")
    assert shop.visitor().get("/health/ready", status=503).json["schema"] == "failing"
    with shop.registry.services.engine.begin() as connection:
        connection.exec_driver_sql("DROP TABLE alembic_version")
    shop.visitor().get("/health/ready", status=503)
    shop.visitor().get("/health/live")


def test_with_a_full_disk_it_is_not_ready(shop, monkeypatch):
    monkeypatch.setattr(health, "MIN_FREE_BYTES", 2**80)
    answer = shop.visitor().get("/health/ready", status=503)
    assert answer.json == {"database": "ok", "schema": "ok", "disk": "failing"}


def test_with_a_disk_that_was_mounted_read_only_it_is_not_ready(shop, monkeypatch):
    def refuse(dir):  # noqa: A002 - the library's name
        raise OSError(errno.EROFS, os.strerror(errno.EROFS), str(dir))

    monkeypatch.setattr(health, "TemporaryFile", refuse)
    answer = shop.visitor().get("/health/ready", status=503)
    assert answer.json == {"database": "ok", "schema": "ok", "disk": "failing"}


def test_the_answer_names_no_path(shop, monkeypatch):
    monkeypatch.setattr(health, "MIN_FREE_BYTES", 2**80)
    assert str(shop.var) not in shop.visitor().get("/health/ready", status=503).text


@pytest.fixture
def hanging():
    """A function that hangs until `released` is set, and counts its `calls`."""
    released, calls = threading.Event(), []

    def hang():
        calls.append(1)
        released.wait(60)

    hang.released, hang.calls = released, calls
    yield hang
    released.set()


def test_a_hanging_function_occupies_one_thread_only(hanging):
    runner = TimeoutRunner(hanging, "test", deadline=0.05)
    for _attempt in range(3):
        with pytest.raises(DeadlineExceededError):
            runner.run()
    assert len(hanging.calls) == 1
    hanging.released.set()
    runner._running.result(60)
    assert runner.run() is None
    assert len(hanging.calls) == 2


def test_with_a_hanging_database_it_is_not_ready(shop, hanging, monkeypatch):
    readiness = TimeoutRunner(hanging, "test", deadline=0.05)
    changed = dataclasses.replace(shop.registry.services, readiness=readiness)
    monkeypatch.setattr(shop.registry, "services", changed)
    assert shop.visitor().get("/health/ready", status=503).json == {"database": "too slow"}
    shop.visitor().get("/health/live")
