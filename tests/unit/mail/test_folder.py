"""The transport that writes files."""

import stat
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


def test_files_and_folder_can_be_read_by_their_owner_only(made, tmp_path, monkeypatch):
    """Also before the message is written: the file is looked at while it is serialized."""
    folder = tmp_path / "mail"
    modes = []

    def as_bytes():
        modes.extend(stat.S_IMODE(file.stat().st_mode) for file in folder.iterdir())
        return b"To: ada@mail.example"

    monkeypatch.setattr(made, "as_bytes", as_bytes)
    Folder(folder).deliver(made)

    (file,) = folder.iterdir()
    assert modes == [0o600]
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700


def test_a_message_is_not_written_through_a_link(made, tmp_path):
    (tmp_path / "precious").write_text("kept")
    folder = tmp_path / "mail"
    folder.mkdir()
    (folder / "20260601T120000-0123abcd.eml.part").symlink_to(tmp_path / "precious")
    Folder(folder).deliver(made)
    assert (tmp_path / "precious").read_text() == "kept"
