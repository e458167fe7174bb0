"""`bookshop mail`, in one process and in several at once."""

import json
import subprocess
import sys
import threading
from datetime import timedelta

import pytest
from sqlalchemy import update

from bookshop.mail.models import MailRecord
from bookshop.orders.notifications import MailKind, enqueue_order_email
from tests.plugins.mail_server import MailServer
from tests.shops import ini
from tests.unit.makers import NOW, book, order


@pytest.fixture
def write_ini(tmp_path, database_url):
    """Write an INI with the given mail settings; return its path."""

    def write_ini(**changes):
        url = database_url.render_as_string(hide_password=False).replace("%", "%%")
        section = ini(tmp_path / "var", "http://localhost:1", **changes, sqlalchemy__url=url)
        lines = "".join(f"{name} = {value}\n" for name, value in section.items())
        path = tmp_path / "shop.ini"
        path.write_text(f"[app:main]\nuse = egg:bookshop\n{lines}", encoding="utf-8")
        return str(path)

    return write_ini


@pytest.fixture
def mail(run, folder):
    """Run a mail command, by default for a shop that stores e-mails in a folder."""

    def run_mail(*words, **changes):
        return run("mail", *words, **{"mail__folder": f"{folder}/mail", **changes})

    return run_mail


@pytest.fixture
def enqueue_mails(sessions):
    """Enqueue e-mails; return the numbers of their orders."""

    def enqueue_mails(count=1, **values):
        with sessions.begin() as session:
            session.add(sold := book(title="Moss"))
            orders = [
                order(sold, **{"email": f"reader{number}@mail.example", **values})
                for number in range(count)
            ]
            session.add_all(orders)
            session.flush()
            for each in orders:
                enqueue_order_email(session, each, MailKind.PAID, "", NOW)
            return [each.number for each in orders]

    return enqueue_mails


@pytest.fixture
def server():
    running = MailServer()
    yield running
    running.close()


@pytest.fixture
def to_server(server):
    return {"mail__folder": "", "mail__host": "127.0.0.1", "mail__port": str(server.port)}


def test_no_mails(mail):
    result = mail("list", "--json")
    assert (result.exit_code, json.loads(result.stdout)) == (0, {"mails": []})
    assert mail("list").exit_code == 0
    result = mail("send")
    assert (result.exit_code, result.stdout.count(":")) == (0, 0)


def test_list_as_json_and_as_table(mail, enqueue_mails):
    (number,) = enqueue_mails()
    (found,) = json.loads(mail("list", "--json").stdout)["mails"]
    assert found == {
        "id": 1,
        "kind": "paid",
        "order": number,
        "recipient": "reader0@mail.example",
        "status": "waiting",
        "attempts": 0,
        "written_at": "2026-06-01T12:00:00+00:00",
        "due_at": "2026-06-01T12:00:00+00:00",
        "sent_at": None,
        "problem": None,
    }
    listed = mail("list").stdout
    for text in ("2026-06-01 12:00", "paid", number, "reader0@mail.example", "waiting"):
        assert text in listed


def test_narrow_terminal_cuts_no_order_number(mail, enqueue_mails, sessions):
    numbers = enqueue_mails(2, email="a.very.long.address@department.company.mail.example")
    problem = "RCPT TO: 450 4.2.0 greylisted, please try again in some minutes " * 3
    with sessions.begin() as session:
        session.execute(update(MailRecord).values(problem=problem, attempts=11))
    listed = mail("list", columns="80").stdout
    assert all(number in listed for number in numbers)
    assert max(map(len, listed.splitlines())) <= 80


def test_send_writes_to_the_folder(mail, enqueue_mails, folder):
    enqueue_mails(2)
    result = mail("send")
    assert (result.exit_code, result.stdout) == (
        0,
        "E-mail 1 (paid): sent\nE-mail 2 (paid): sent\n",
    )
    assert len(list((folder / "mail").glob("*.eml"))) == 2
    (second, first) = json.loads(mail("list", "--json").stdout)["mails"]
    assert (first["id"], second["id"]) == (1, 2)
    assert first["status"] == "sent"
    assert first["due_at"] is None
    assert first["sent_at"] is not None


@pytest.mark.parametrize("problem", ["550 [/b] no [sic]", "550 [bold]:skull:"])
def test_an_answer_of_a_mail_server_that_looks_like_markup_is_text(
    mail, enqueue_mails, sessions, problem
):
    enqueue_mails()
    with sessions.begin() as session:
        session.execute(update(MailRecord).values(problem=problem, recipient="[b]@[/b].example"))
    result = mail("list")
    assert result.exit_code == 0, result.output
    assert problem in result.stdout
    assert "[b]@[/b].example" in result.stdout


def test_list_filters_by_status(mail, enqueue_mails):
    enqueue_mails(2)
    mail("send")
    enqueue_mails()
    waiting = json.loads(mail("list", "--json", "--status", "waiting").stdout)["mails"]
    assert [each["id"] for each in waiting] == [3]
    sent = json.loads(mail("list", "--json", "--status", "sent", "--limit", "1").stdout)["mails"]
    assert [each["id"] for each in sent] == [2]
    assert mail("list", "--status", "lost").exit_code == 2


def test_failures_are_reported_and_can_be_sent_again(mail, enqueue_mails, server, to_server):
    enqueue_mails(2)
    server.box.plan["RCPT"] = ["550 5.1.1 no such user", "450 4.2.0 greylisted"]
    result = mail("send", **to_server)
    assert result.exit_code == 1
    first, second = result.stdout.splitlines()
    assert first.endswith(": RCPT TO: 550 5.1.1 no such user")
    assert second.endswith(": RCPT TO: 450 4.2.0 greylisted")
    listed = json.loads(mail("list", "--json").stdout)["mails"]
    assert {each["id"]: each["status"] for each in listed} == {1: "given_up", 2: "waiting"}
    result = mail("send", "--again", "1", "--again", "2", **to_server)
    assert (result.exit_code, result.stdout.count(": sent")) == (0, 2)
    assert len(server.box.mails) == 2


def test_unknown_mail_is_an_error(mail):
    result = mail("send", "--again", "7")
    assert result.exit_code == 1
    assert "E-mail 7" in result.stderr


def test_unavailable_database_is_an_error(mail, monkeypatch, enqueue_mails):
    from sqlalchemy.exc import OperationalError

    from bookshop.mail.worker import MailWorker

    def locked(_self):
        raise OperationalError("UPDATE", {}, Exception("locked"))

    monkeypatch.setattr(MailWorker, "deliver_due", locked)
    result = mail("send")
    assert result.exit_code == 1
    assert "locked" in result.stderr


def start(path):
    command = [sys.executable, "-c", "from bookshop.cli import main; main()"]
    return subprocess.Popen(
        [*command, "--config", path, "mail", "send"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.mark.detail
def test_concurrent_processes_deliver_each_mail_once(
    write_ini, enqueue_mails, server, to_server, sessions
):
    numbers = enqueue_mails(150)
    path = write_ini(**to_server)
    commands = [start(path) for _ in range(3)]
    said = [command.communicate(timeout=120) for command in commands]
    assert [command.returncode for command in commands] == [0, 0, 0], said
    assert sum(out.count(": sent") for out, _ in said) == len(numbers)
    with sessions() as session:
        found = session.query(MailRecord).all()
        assert {mail.status for mail in found} == {"sent"}
        assert server.box.ids() == sorted(f"<{mail.message_id}@localhost>" for mail in found)


@pytest.mark.detail
def test_claim_of_a_killed_process_is_taken_over(
    write_ini, enqueue_mails, server, to_server, sessions
):
    enqueue_mails()
    path = write_ini(**to_server)
    held = threading.Event()
    server.box.plan["DATA"] = [held]
    killed = start(path)
    assert server.box.reached.wait(60)
    killed.kill()
    killed.communicate(timeout=60)
    other = start(path)
    assert "(paid)" not in other.communicate(timeout=60)[0]
    assert other.returncode == 0
    with sessions.begin() as session:
        (mail,) = session.query(MailRecord)
        assert mail.status == "waiting"
        over = mail.claimed_until - timedelta(hours=1)
        session.execute(update(MailRecord).values(claimed_until=over))
    last = start(path)
    assert last.communicate(timeout=60)[0] == "E-mail 1 (paid): sent\n"
    held.set()
    assert len(server.box.mails) == 1
