"""The page that shows the mail which the shop wrote to a folder."""

import os
from dataclasses import replace
from email.message import EmailMessage

import pytest
from webtest import TestApp

from bookshop.sandbox.app import make_app
from bookshop.sandbox.state import Sandbox


@pytest.fixture
def folder(tmp_path):
    found = tmp_path / "mail"
    found.mkdir()
    return found


@pytest.fixture
def app(options, folder):
    state = Sandbox.open(replace(options, mail=folder))
    yield TestApp(make_app(state), extra_environ={"HTTP_HOST": "localhost:6544"})
    state.close()


@pytest.fixture
def write(folder):
    """Put a mail into the folder, so many seconds after 2026 began."""

    def write_one(name, html="<p style='color: red'>Thank you</p>", seconds=0, **headers):
        mail = EmailMessage()
        for header, value in {"Subject": "Your order", "To": "ada@shop.example", **headers}.items():
            mail[header] = value
        mail.set_content("Thank you, Zoë.\n\nhttp://localhost:6543/orders/K7QM?key=a-b.c\n")
        if html:
            mail.add_alternative(html, subtype="html")
        path = folder / name
        path.write_bytes(bytes(mail))
        os.utime(path, (1_767_225_600 + seconds,) * 2)
        return path

    return write_one


def test_mail_is_listed_newest_first(app, write):
    write("b.eml", Subject="The first", seconds=1)
    write("a.eml", Subject="The last", seconds=3)
    write("c.eml", Subject="Ünïcode <b>", seconds=2, Date="Fri, 02 Jan 2026 10:00:00 +0100")
    write("draft.txt", Subject="No mail")

    page = app.get("/mail").text

    assert page.index("The last") < page.index("Ünïcode &lt;b&gt;") < page.index("The first")
    assert "2026-01-02 09:00:00" in page
    assert "2026-01-01 00:00:03" in page
    assert "No mail" not in page


@pytest.mark.parametrize("exists", [True, False])
def test_a_folder_without_mail(app, folder, exists):
    if not exists:
        folder.rmdir()

    page = app.get("/mail").text

    assert 'data-empty="mails"' in page
    assert str(folder) in page


def test_a_mail_is_shown(app, write):
    write("one é.eml", Subject="Your order <b>", From="The Bookshop <hello@bookshop.example>")

    page = app.get("/mail").click("Your order")

    assert "Your order &lt;b&gt;" in page.text
    assert "The Bookshop &lt;hello@bookshop.example&gt;" in page.text
    assert "Thank you, Zoë." in page.text
    assert 'href="http://localhost:6543/orders/K7QM?key=a-b.c"' in page.text
    assert "color: red" not in page.text
    assert "frame-src 'self'" in page.headers["Content-Security-Policy"]
    assert "unsafe" not in page.headers["Content-Security-Policy"]


def test_html_of_an_email_runs_no_script_and_loads_nothing(app, write):
    write("one.eml", html="<style>p{}</style><p>Zoë</p><script>alert(1)</script>")

    page = app.get("/mail/one.eml")
    frame = app.get("/mail/one.eml/html")

    assert '<iframe class="letter" src="/mail/one.eml/html" sandbox title=' in page.text
    assert "Zoë" in frame.text
    policy = frame.headers["Content-Security-Policy"].split("; ")
    assert policy[:4] == [
        "default-src 'none'",
        "style-src 'unsafe-inline'",
        "img-src data:",
        "sandbox",
    ]
    assert frame.headers["Cache-Control"] == "no-store"
    assert frame.headers["X-Content-Type-Options"] == "nosniff"


def test_a_mail_without_html_has_no_frame(app, write):
    write("one.eml", html=None)

    assert "<iframe" not in app.get("/mail/one.eml").text
    app.get("/mail/one.eml/html", status=404)


def test_an_email_without_plain_text_is_shown(app, folder):
    mail = EmailMessage()
    mail["Subject"] = "Only HTML"
    mail.set_content("<p>Thank you</p>", subtype="html")
    (folder / "one.eml").write_bytes(bytes(mail))

    page = app.get("/mail/one.eml").text
    assert "<iframe" in page
    assert "<pre" not in page


def test_an_email_is_stored_unchanged(app, write):
    path = write('one "é".eml')

    answer = app.get("/mail/one%20%22%C3%A9%22.eml/source")

    assert answer.body == path.read_bytes()
    assert answer.content_type == "message/rfc822"
    disposition = "attachment; filename*=UTF-8''one%20%22%C3%A9%22.eml"
    assert answer.headers["Content-Disposition"] == disposition


@pytest.mark.parametrize(
    "name",
    ["none.eml", "draft.txt", "..%2Fsecret.eml", "../secret.eml", "%2e%2e%2fsecret.eml", "*.eml"],
)
@pytest.mark.parametrize("part", ["", "/html", "/source"])
def test_no_other_file_is_shown(app, folder, write, name, part):
    write("one.eml")
    write("draft.txt")
    (folder.parent / "secret.eml").write_text("Subject: Private\n\nPrivate")

    assert "Private" not in app.get(f"/mail/{name}{part}", status=404).text


@pytest.mark.parametrize("path", ["/mail", "/mail/one.eml", "/mail/one.eml/html"])
def test_other_sites_cannot_read_emails(app, write, path):
    write("one.eml")

    app.get(path, headers={"Origin": "https://evil.example"}, status=403)
    app.get(path, headers={"Host": "evil.example"}, status=403)
