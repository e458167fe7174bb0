"""The transport that writes files."""

from email import message_from_bytes, policy

import pytest

from bookshop.mail.folder import Folder
from bookshop.mail.message import EmailContent, QueuedMail, build_message
from bookshop.mail.transport import DeliveryError
from tests.unit.makers import NOW


@pytest.fixture
def made(registry):
    mail = QueuedMail("paid", 1, "ada@mail.example", "0123abcd", NOW, {})
    return build_message(
        registry.services.settings, mail, EmailContent("Order", "Größe\n", "<p>Größe</p>\n")
    )


def test_file_is_named_by_time_and_message_id(made, tmp_path):
    folder = tmp_path / "new" / "mail"
    Folder(folder).deliver(made)
    (file,) = folder.iterdir()
    assert file.name == "20260601T120000-0123abcd.eml"
    found = message_from_bytes(file.read_bytes(), policy=policy.default)
    assert found["To"] == "ada@mail.example"
    assert found.get_body(("plain",)).get_content() == "Größe\r\n"


def test_repeated_message_overwrites_its_file(made, tmp_path):
    for _ in range(2):
        Folder(tmp_path / "mail").deliver(made)
    assert len(list((tmp_path / "mail").iterdir())) == 1


def test_unwritable_folder_raises(made, tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(DeliveryError, match=r"mail\.folder: Not a directory"):
        Folder(tmp_path / "file" / "mail").deliver(made)
