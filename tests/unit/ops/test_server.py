"""The server's graceful shutdown, tested in a separate process."""

import http.client
import signal
import socket
import subprocess
import sys
from contextlib import closing

import pytest

from tests.waiting import until

TIMEOUT = 60  # seconds
PROGRAM = """
import sys, threading, time
from pathlib import Path
from bookshop.ops.server import serve

folder = Path(sys.argv[1])

def app(environ, start):
    start("200 OK", [("Content-Type", "text/plain")])
    if environ["PATH_INFO"] == "/slow":
        (folder / "started").touch()
        while not (folder / "continue").exists():
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

INHERIT_SOCKET = (
    "import os, sys; os.dup2(int(sys.argv[1]), 3);"
    "os.environ.update(LISTEN_FDS='1', LISTEN_PID=str(os.getpid()));"
    "os.execv(sys.argv[2], sys.argv[2:])"
)


def open_socket():
    """Open a listening socket as systemd would; return it and its port."""
    found = socket.create_server(("127.0.0.1", 0))
    return found, found.getsockname()[1]


@pytest.fixture
def start(tmp_path):
    """Start the server; it is killed after the test."""
    started = []

    def start(*options, inherited=None):
        command = [sys.executable, "-c", PROGRAM, str(tmp_path), *options]
        if inherited is not None:  # as systemd does
            command = [sys.executable, "-c", INHERIT_SOCKET, str(inherited), *command]
        files = () if inherited is None else (inherited,)
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


def send_request(port, path):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=TIMEOUT)
    connection.request("GET", path)
    return connection


def free_port():
    found, port = open_socket()
    found.close()
    return port


@pytest.mark.parametrize("signal_number", [signal.SIGTERM, signal.SIGINT])
def test_running_requests_finish_and_no_new_ones_start(start, tmp_path, signal_number):
    port = free_port()
    process = start(f"listen=127.0.0.1:{port}")
    until(lambda: is_up(port))
    with closing(send_request(port, "/slow")) as slow:
        until((tmp_path / "started").exists)
        process.send_signal(signal_number)
        until(lambda: not is_up(port))
        (tmp_path / "continue").touch()
        assert slow.getresponse().read() == b"done"
    assert process.wait(TIMEOUT) == 0
    assert (tmp_path / "stopped").exists()


def test_the_shutdown_timeout_ends_running_requests(start, tmp_path):
    port = free_port()
    process = start(f"listen=127.0.0.1:{port}", "shutdown_timeout=0")
    until(lambda: is_up(port))
    with closing(send_request(port, "/slow")):
        until((tmp_path / "started").exists)
        process.send_signal(signal.SIGTERM)
        process.wait(TIMEOUT)


def test_a_second_ctrl_c_stops_at_once(start, tmp_path):
    port = free_port()
    process = start(f"listen=127.0.0.1:{port}")
    until(lambda: is_up(port))
    with closing(send_request(port, "/slow")):
        until((tmp_path / "started").exists)
        process.send_signal(signal.SIGINT)
        until(lambda: not is_up(port))
        process.send_signal(signal.SIGINT)
        assert process.wait(TIMEOUT) == 0


def test_an_idle_connection_does_not_delay_the_shutdown(start):
    port = free_port()
    process = start(f"listen=127.0.0.1:{port}")
    until(lambda: is_up(port))
    with closing(socket.create_connection(("127.0.0.1", port))):
        process.send_signal(signal.SIGTERM)
        assert process.wait(TIMEOUT) == 0


def test_connections_wait_in_systemds_socket_for_the_next_process(start):
    held, port = open_socket()

    with held:
        for _process in range(2):
            process = start("listen=127.0.0.1:1", inherited=held.fileno())
            with closing(
                send_request(port, "/")
            ) as connection:  # before it is up: it waits in the socket
                assert connection.getresponse().read() == b"done"
            process.send_signal(signal.SIGTERM)
            assert process.wait(TIMEOUT) == 0


def test_an_address_in_use_exits_with_2_and_no_traceback(start):
    held, port = open_socket()
    with held:
        process = start(f"listen=127.0.0.1:{port}")
        _out, errors = process.communicate(timeout=TIMEOUT)
    assert process.returncode == 2
    assert f"127.0.0.1:{port}" in errors
    assert "Traceback" not in errors


def test_a_request_that_is_too_large_is_refused(start):
    port = free_port()
    start(f"listen=127.0.0.1:{port}", "max_request_body_size=10")
    until(lambda: is_up(port))
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=TIMEOUT)
    with closing(connection):
        connection.request("POST", "/", body=b"x" * 11)
        answer = connection.getresponse()
    assert answer.status == 413
    assert answer.getheader("Server") is None
