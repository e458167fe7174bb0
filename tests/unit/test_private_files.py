"""Files that only their owner can read, and that are never written through a link."""

import os
import stat

import pytest

from bookshop.private_files import (
    create_private_file,
    make_private_folder,
    open_private_file,
    replace_private_file,
)


@pytest.fixture(autouse=True)
def open_umask():
    """Files are private by their mode alone."""
    before = os.umask(0)
    yield
    os.umask(before)


@pytest.fixture
def precious(tmp_path):
    file = tmp_path / "precious"
    file.write_text("kept")
    return file


def mode(path):
    return stat.S_IMODE(path.stat().st_mode)


@pytest.mark.parametrize("make", [create_private_file, replace_private_file])
def test_a_new_file_is_private_before_anything_is_written(tmp_path, make):
    with make(tmp_path / "new") as file:
        assert mode(tmp_path / "new") == 0o600
        file.write(b"x")
    make_private_folder(tmp_path / "folder")
    assert mode(tmp_path / "folder") == 0o700


def test_an_existing_file_is_replaced_and_its_mode_too(precious):
    precious.chmod(0o666)
    replace_private_file(precious).close()
    assert (precious.read_text(), mode(precious)) == ("", 0o600)


def test_a_file_is_never_written_through_a_link(tmp_path, precious):
    for link in (tmp_path / "link", tmp_path / "other"):
        link.symlink_to(precious)
    with pytest.raises(FileExistsError):
        create_private_file(tmp_path / "link")
    with pytest.raises(OSError, match="symbolic links"):
        open_private_file(tmp_path / "link")
    with replace_private_file(tmp_path / "other") as file:
        file.write(b"x")
    assert precious.read_text() == "kept"
    assert not (tmp_path / "other").is_symlink()
