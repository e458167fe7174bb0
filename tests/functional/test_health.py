"""What a supervisor and a load balancer are told."""

import threading

import pytest

from bookshop.ops import health
from bookshop.ops.timeouts import TimeoutRunner, TooSlowError


def test_a_shop_that_runs_is_alive_and_ready(shop):
    visitor = shop.visitor()
    assert visitor.get("/health/live").text == "alive\n"
    answer = visitor.get("/health/ready")
    assert answer.json == {"database": "ok", "schema": "ok", "disk": "ok"}
    assert "Set-Cookie" not in answer.headers
    assert "no-cache" in answer.headers["Cache-Control"]


def test_a_closed_shop_is_ready_to_say_so(shop):
    (shop.var / "maintenance").touch()
    visitor = shop.visitor()
    visitor.get("/", status=503)
    visitor.get("/health/live")
    visitor.get("/health/ready")


def test_without_its_database_it_is_alive_and_not_ready(make_each_shop):
    shop = make_each_shop()
    with shop.registry.engine.begin() as connection:
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '0001'")
    assert shop.visitor().get("/health/ready", status=503).json["schema"] == "failing"
    with shop.registry.engine.begin() as connection:
        connection.exec_driver_sql("DROP TABLE alembic_version")
    shop.visitor().get("/health/ready", status=503)
    shop.visitor().get("/health/live")


def test_a_full_disk_is_not_ready(shop, monkeypatch):
    monkeypatch.setattr(health, "LEAST_ROOM", 2**80)
    answer = shop.visitor().get("/health/ready", status=503)
    assert answer.json == {"database": "ok", "schema": "ok", "disk": "failing"}


def test_nothing_inside_is_told(shop, monkeypatch):
    monkeypatch.setattr(health, "LEAST_ROOM", 2**80)
    assert str(shop.var) not in shop.visitor().get("/health/ready", status=503).text


@pytest.fixture
def hanging():
    """A check that hangs until it is let go, and how often it was begun."""
    let_go, begun = threading.Event(), []

    def check():
        begun.append(1)
        let_go.wait(20)

    check.let_go, check.begun = let_go, begun
    yield check
    let_go.set()


def test_a_database_that_hangs_takes_one_thread_of_its_own(hanging):
    patient = TimeoutRunner(hanging, "test", deadline=0.05)
    for _time in range(3):
        with pytest.raises(TooSlowError):
            patient.ask()
    assert len(hanging.begun) == 1
    hanging.let_go.set()
    patient._asking.result(20)
    assert patient.ask() is None
    assert len(hanging.begun) == 2


def test_a_shop_whose_database_hangs_is_not_ready(shop, hanging, monkeypatch):
    monkeypatch.setattr(shop.registry, "readiness", TimeoutRunner(hanging, "test", deadline=0.05))
    assert shop.visitor().get("/health/ready", status=503).json == {"database": "too slow"}
    shop.visitor().get("/health/live")
