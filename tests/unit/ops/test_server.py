"""A server that ends without losing a request, in a process of its own."""

import http.client
import signal
import socket
import subprocess
import sys
import time
from contextlib import closing

import pytest

PATIENCE = 20  # seconds
PROGRAM = """
import sys, threading, time
from pathlib import Path
from bookshop.ops.server import serve

folder = Path(sys.argv[1])

def app(environ, start):
    start("200 OK", [("Content-Type", "text/plain")])
    if environ["PATH_INFO"] == "/slow":
        (folder / "begun").touch()
        while not (folder / "go on").exists():
            time.sleep(0.01)
    return [b"done"]

class Thread:
    def stop(self):
        (folder / "stopped").touch()

class App:
    class registry:
        job_worker = mail_worker = Thread()
    def __call__(self, environ, start):
        return app(environ, start)

serve(App(), None, **dict(pair.split("=", 1) for pair in sys.argv[2:]))
"""

HAND_OVER = (
    "import os, sys; os.dup2(int(sys.argv[1]), 3);"
    "os.environ.update(LISTEN_FDS='1', LISTEN_PID=str(os.getpid()));"
    "os.execv(sys.argv[2], sys.argv[2:])"
)


def wait_until(condition):
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def listening():
    """A socket as systemd would open it, and its port."""
    found = socket.create_server(("127.0.0.1", 0))
    return found, found.getsockname()[1]


@pytest.fixture
def start(tmp_path):
    """Starts the server, and ends it with the test."""
    started = []

    def start(*options, handed=None):
        command = [sys.executable, "-c", PROGRAM, str(tmp_path), *options]
        if handed is not None:  # as systemd does it
            command = [sys.executable, "-c", HAND_OVER, str(handed), *command]
        files = () if handed is None else (handed,)
        process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, pass_fds=files)
        started.append(process)
        return process

    yield start
    for process in started:
        process.kill()
        process.communicate()


def is_up(port):
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def ask(port, path):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE)
    connection.request("GET", path)
    return connection


def free_port():
    found, port = listening()
    found.close()
    return port


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT])
def test_what_is_under_way_is_finished_and_nothing_new_begun(start, tmp_path, how):
    port = free_port()
    process = start(f"listen=127.0.0.1:{port}")
    wait_until(lambda: is_up(port))
    with closing(ask(port, "/slow")) as slow:
        wait_until((tmp_path / "begun").exists)
        process.send_signal(how)
        if how == signal.SIGTERM:
            wait_until(lambda: not is_up(port))
        (tmp_path / "go on").touch()
        assert slow.getresponse().read() == b"done"
    assert process.wait(PATIENCE) == 0
    assert (tmp_path / "stopped").exists()


def test_nobody_waits_for_ever(start, tmp_path):
    port = free_port()
    process = start(f"listen=127.0.0.1:{port}", "shutdown_timeout=0")
    wait_until(lambda: is_up(port))
    with closing(ask(port, "/slow")):
        wait_until((tmp_path / "begun").exists)
        process.send_signal(signal.SIGTERM)
        process.wait(PATIENCE)


def test_a_silent_connection_is_let_go(start):
    port = free_port()
    process = start(f"listen=127.0.0.1:{port}")
    wait_until(lambda: is_up(port))
    with closing(socket.create_connection(("127.0.0.1", port))):
        process.send_signal(signal.SIGTERM)
        assert process.wait(PATIENCE) == 0


def test_a_socket_of_systemds_is_kept_for_the_next(start):
    held, port = listening()

    with held:
        for _process in range(2):
            process = start("listen=127.0.0.1:1", handed=held.fileno())
            with closing(ask(port, "/")) as asked:  # before it is up: it waits in the socket
                assert asked.getresponse().read() == b"done"
            process.send_signal(signal.SIGTERM)
            assert process.wait(PATIENCE) == 0


def test_an_address_that_is_taken_is_said_in_one_line(start):
    held, port = listening()
    with held:
        process = start(f"listen=127.0.0.1:{port}")
        _out, said = process.communicate(timeout=PATIENCE)
    assert process.returncode == 2
    assert f"cannot listen at 127.0.0.1:{port}" in said
    assert "Traceback" not in said


def test_whoever_sends_too_much_is_refused(start):
    port = free_port()
    start(f"listen=127.0.0.1:{port}", "max_request_body_size=10")
    wait_until(lambda: is_up(port))
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE)
    with closing(connection):
        connection.request("POST", "/", body=b"x" * 11)
        answer = connection.getresponse()
    assert answer.status == 413
    assert answer.getheader("Server") is None
