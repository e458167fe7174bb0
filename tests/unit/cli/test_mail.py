"""`bookshop mail`, alone and from many processes at once."""

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
    """The INI of a shop, with the settings of its mail."""

    def write_it(**changes):
        url = database_url.render_as_string(hide_password=False).replace("%", "%%")
        section = ini(tmp_path / "var", "http://localhost:1", **changes, sqlalchemy__url=url)
        lines = "".join(f"{name} = {value}\n" for name, value in section.items())
        path = tmp_path / "shop.ini"
        path.write_text(f"[app:main]\nuse = egg:bookshop\n{lines}", encoding="utf-8")
        return str(path)

    return write_it


@pytest.fixture
def mail(run, folder):
    """Runs one of the commands, for a shop whose mail lands in a folder unless a test says more."""

    def run_it(*words, **changes):
        return run("mail", *words, **{"mail__folder": f"{folder}/mail", **changes})

    return run_it


@pytest.fixture
def post(sessions):
    """Writes mails; the numbers of their orders."""

    def post(count=1, **values):
        with sessions.begin() as session:
            session.add(wanted := book(title="Moss"))
            orders = [
                order(wanted, **{"email": f"reader{number}@mail.example", **values})
                for number in range(count)
            ]
            session.add_all(orders)
            session.flush()
            for each in orders:
                enqueue_order_email(session, each, MailKind.PAID, "", NOW)
            return [each.number for each in orders]

    return post


@pytest.fixture
def server():
    running = MailServer()
    yield running
    running.close()


@pytest.fixture
def to_server(server):
    return {"mail__folder": "", "mail__host": "127.0.0.1", "mail__port": str(server.port)}


def test_no_mail(mail):
    result = mail("list", "--json")
    assert (result.exit_code, json.loads(result.stdout)) == (0, {"mails": []})
    assert mail("list").exit_code == 0
    result = mail("send")
    assert (result.exit_code, result.stdout) == (0, "No mail is due.\n")


def test_mail_as_json_and_in_words(mail, post):
    (number,) = post()
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


def test_mail_lands_in_the_folder(mail, post, folder):
    post(2)
    result = mail("send")
    assert (result.exit_code, result.stdout) == (
        0,
        "Mail 1 (paid) was sent.\nMail 2 (paid) was sent.\n",
    )
    assert len(list((folder / "mail").glob("*.eml"))) == 2
    (second, first) = json.loads(mail("list", "--json").stdout)["mails"]
    assert (first["id"], second["id"]) == (1, 2)
    assert first["status"] == "sent"
    assert first["due_at"] is None
    assert first["sent_at"] is not None


def test_mail_by_status(mail, post):
    post(2)
    mail("send")
    post()
    waiting = json.loads(mail("list", "--json", "--status", "waiting").stdout)["mails"]
    assert [each["id"] for each in waiting] == [3]
    sent = json.loads(mail("list", "--json", "--status", "sent", "--limit", "1").stdout)["mails"]
    assert [each["id"] for each in sent] == [2]
    assert mail("list", "--status", "lost").exit_code == 2


def test_what_could_not_be_delivered_is_said_and_can_be_sent_again(mail, post, server, to_server):
    post(2)
    server.box.plan["RCPT"] = ["550 5.1.1 no such user", "450 4.2.0 greylisted"]
    result = mail("send", **to_server)
    assert result.exit_code == 1
    assert result.stdout == (
        "Mail 1 (paid) was given up: RCPT TO: 550 5.1.1 no such user\n"
        "Mail 2 (paid) is tried again later: RCPT TO: 450 4.2.0 greylisted\n"
    )
    result = mail("send", "--again", "1", "--again", "2", **to_server)
    assert (result.exit_code, result.stdout.count("was sent.")) == (0, 2)
    assert len(server.box.mails) == 2


def test_a_mail_that_is_not_there(mail):
    result = mail("send", "--again", "7")
    assert result.exit_code == 1
    assert "There is no mail 7, or it is being delivered at this moment." in result.stderr


def test_a_database_that_does_not_answer(mail, monkeypatch, post):
    from sqlalchemy.exc import OperationalError

    from bookshop.mail.worker import MailWorker

    def locked(_self):
        raise OperationalError("UPDATE", {}, Exception("locked"))

    monkeypatch.setattr(MailWorker, "deliver_due", locked)
    result = mail("send")
    assert result.exit_code == 1
    assert "The database does not answer (OperationalError)" in result.stderr


def start(path):
    command = [sys.executable, "-c", "from bookshop.cli import main; main()"]
    return subprocess.Popen(
        [*command, "--config", path, "mail", "send"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_every_mail_arrives_once_from_many_processes(write_ini, post, server, to_server, sessions):
    numbers = post(150)
    path = write_ini(**to_server)
    commands = [start(path) for _ in range(3)]
    said = [command.communicate(timeout=120) for command in commands]
    assert [command.returncode for command in commands] == [0, 0, 0], said
    assert sum(out.count("was sent.") for out, _ in said) == len(numbers)
    with sessions() as session:
        found = session.query(MailRecord).all()
        assert {mail.status for mail in found} == {"sent"}
        assert server.box.ids() == sorted(f"<{mail.message_id}@localhost>" for mail in found)


def test_what_a_killed_process_had_begun_is_taken_up(write_ini, post, server, to_server, sessions):
    post()
    path = write_ini(**to_server)
    held = threading.Event()
    server.box.plan["DATA"] = [held]
    killed = start(path)
    assert server.box.reached.wait(60)
    killed.kill()
    killed.communicate(timeout=20)
    other = start(path)
    assert other.communicate(timeout=60)[0] == "No mail is due.\n"
    with sessions.begin() as session:
        (mail,) = session.query(MailRecord)
        assert mail.status == "waiting"
        over = mail.claimed_until - timedelta(hours=1)
        session.execute(update(MailRecord).values(claimed_until=over))
    last = start(path)
    assert last.communicate(timeout=60)[0] == "Mail 1 (paid) was sent.\n"
    held.set()
    assert len(server.box.mails) == 1
