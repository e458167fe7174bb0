"""nginx before several servers of a shop, whose sockets are held as systemd holds them."""

from __future__ import annotations

import socket
import subprocess
import sys
import time
from http import HTTPStatus
from pathlib import Path

import trustme
import urllib3
from find_proxies import find

from tests.load.fleet import LOOK_AGAIN, START_TIMEOUT, free_port, listens

CONFIGURATION = """
daemon off;
pid {folder}/nginx.pid;
error_log {folder}/nginx.err;
worker_processes 1;
events {{ worker_connections 512; }}
http {{
  access_log off;
  client_body_temp_path {folder}/body;
  proxy_temp_path {folder}/proxy;
  fastcgi_temp_path {folder}/fastcgi;
  uwsgi_temp_path {folder}/uwsgi;
  scgi_temp_path {folder}/scgi;
  upstream shop {{ {servers} }}
  {more}
  server {{
    listen 127.0.0.1:{port}{tls};
    location / {{
      proxy_pass http://shop;
      proxy_set_header Host $http_host;
      proxy_set_header X-Forwarded-For $remote_addr;
      proxy_set_header X-Forwarded-Proto $scheme;
    }}
  }}
}}
"""

# What systemd does: the socket is the program's first file behind the usual three.
HAND_OVER = (
    "import os, sys; os.dup2(int(sys.argv[1]), 3);"
    "os.environ.update(LISTEN_FDS='1', LISTEN_PID=str(os.getpid()));"
    "os.execv(sys.argv[2], sys.argv[2:])"
)

# Plain http is redirected to https.
TLS = " ssl; ssl_certificate {folder}/cert.pem; ssl_certificate_key {folder}/key.pem"
PLAIN = """server {{
    listen 127.0.0.1:{plain};
    return 301 https://localhost:{port}$request_uri;
  }}"""


class Nginx:
    """The proxy. Its address is known before it runs."""

    def __init__(self, folder: Path, certificate: trustme.LeafCert | None = None) -> None:
        """With a certificate for localhost it ends TLS, and sends others from `plain` there."""
        self.port, self.plain = free_port(), free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self._folder = folder
        self._tls = certificate is not None
        if certificate:
            self.url = f"https://localhost:{self.port}"
            certificate.private_key_pem.write_to_path(folder / "key.pem")
            for pem in certificate.cert_chain_pems:
                pem.write_to_path(folder / "cert.pem", append=True)
        self._process: subprocess.Popen[bytes] | None = None

    def start(self, ports: list[int]) -> None:
        """Serve, and hand everything on to these ports in turns."""
        program = find("nginx") or "nginx"
        servers = " ".join(f"server 127.0.0.1:{port};" for port in ports)
        file = self._folder / "nginx.conf"
        folder, port = self._folder, self.port
        tls = TLS.format(folder=folder) if self._tls else ""
        more = PLAIN.format(plain=self.plain, port=port) if self._tls else ""
        text = CONFIGURATION.format(folder=folder, servers=servers, port=port, tls=tls, more=more)
        file.write_text(text, encoding="utf-8")
        with (self._folder / "nginx.out").open("wb") as said:
            self._process = subprocess.Popen(
                [program, "-c", str(file), "-p", str(self._folder)], stderr=said
            )
        deadline = time.monotonic() + START_TIMEOUT
        while not listens(self.port):
            said = (self._folder / "nginx.out").read_text()
            assert self._process.poll() is None, said
            assert time.monotonic() < deadline, said
            time.sleep(LOOK_AGAIN)

    def close(self) -> None:
        if self._process:
            self._process.terminate()
            self._process.wait(START_TIMEOUT)


class Activated:
    """A server of the shop in `folder`, on a socket that outlives it."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._socket = socket.create_server(("127.0.0.1", 0), backlog=1024)
        self.port = self._socket.getsockname()[1]
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start a process; connections wait in the socket until it is up."""
        number = self._socket.fileno()
        pserve = (sys.executable, "-m", "pyramid.scripts.pserve", "shop.ini", "http_port=0")
        with (self._folder / f"server-{self.port}.err").open("ab") as said:
            self._process = subprocess.Popen(
                [sys.executable, "-c", HAND_OVER, str(number), *pserve],
                cwd=self._folder,
                pass_fds=(number,),
                stdout=said,
                stderr=said,
            )

    def await_(self) -> None:
        """Wait until it serves: who asks is kept waiting by the socket."""
        url = f"http://127.0.0.1:{self.port}/health/live"
        assert urllib3.request("GET", url, timeout=START_TIMEOUT).status == HTTPStatus.OK, self.said

    def end(self) -> int:
        """Tell it to end, as systemd does, and wait until it has."""
        self._process.terminate()
        return self._process.wait(START_TIMEOUT)

    @property
    def said(self) -> str:
        return (self._folder / f"server-{self.port}.err").read_text()

    def close(self) -> None:
        if self._process:
            self._process.kill()
            self._process.wait(START_TIMEOUT)
        self._socket.close()
