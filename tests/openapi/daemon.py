"""A daemon, participants and a PostgreSQL of this test's own: private folders, free ports, ended with it."""

from __future__ import annotations

import ctypes
import http.client
import json
import os
import pwd
import random
import shutil
import signal
import socket
import subprocess
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Callable

PATIENCE_S = 60
Answer = tuple[int, dict[str, str], bytes]  # status, headers, body


def free_port() -> int:
    """Below the range from which the kernel gives ports to clients."""
    for port in random.SystemRandom().sample(range(12_000, 32_000), 500):
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise RuntimeError("no port is free")


def eventually(holds: Callable[[], Any], what: str) -> Any:
    end = time.monotonic() + PATIENCE_S
    while True:
        if found := holds():
            return found
        if time.monotonic() > end:
            raise RuntimeError(f"did not happen within {PATIENCE_S} s: {what}")
        time.sleep(0.01)


def _die_with_parent() -> None:
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)


class Daemon:
    def __init__(self, binary: Path, folder: Path, store: str | None = None, *flags: str):
        if not os.access(binary, os.X_OK):
            raise RuntimeError(f"there is no {binary}; build the target settled first")
        folder.mkdir(parents=True)
        self.ports = {"client": free_port(), "admin": free_port()}
        self.folder = folder  # where it runs: what it writes unasked stays there
        self.log = folder / "settled.log"
        self.command = [str(binary.resolve()), f"--api.http=127.0.0.1:{self.ports['client']}",
                        f"--admin.http=127.0.0.1:{self.ports['admin']}",
                        f"--store={store or 'embedded:' + str(folder / 'data')}", *flags]
        self.start()

    def start(self) -> None:
        self.process = subprocess.Popen(self.command, cwd=self.folder, stdout=self.log.open("ab"), stderr=subprocess.STDOUT,
                                        preexec_fn=_die_with_parent)

    def await_ready(self) -> "Daemon":
        def is_ready() -> bool:
            if self.process.poll() is not None:
                raise RuntimeError(f"settled ended with {self.process.returncode}:\n{self.log.read_text()[-2000:]}")
            try:
                return self.send("admin", "GET", "/readyz")[0] == 200
            except OSError:
                return False
        eventually(is_ready, "the daemon is ready")
        return self

    def send(self, listener: str, method: str, path: str, body: bytes | None = None) -> Answer:
        connection = http.client.HTTPConnection("127.0.0.1", self.ports[listener], timeout=PATIENCE_S)
        try:
            headers = {"content-type": "application/json", "settle-operator": "ann"} if body else {}
            connection.request(method, path, body=body, headers=headers)
            answer = connection.getresponse()
            return answer.status, {k.lower(): v for k, v in answer.getheaders()}, answer.read()
        finally:
            connection.close()

    def send_raw(self, listener: str, data: bytes) -> Answer:
        """Bytes that need not be HTTP; the answer is."""
        with socket.create_connection(("127.0.0.1", self.ports[listener]), timeout=PATIENCE_S) as peer:
            peer.sendall(data)
            answer = http.client.HTTPResponse(peer)
            answer.begin()
            return answer.status, {k.lower(): v for k, v in answer.getheaders()}, answer.read()

    def stop(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()


class Participants:
    """Answers each path as it was told: (status, body), a list of them in turn, or HANG. Otherwise 200."""

    HANG = "hang"

    def __init__(self):
        self.answers: dict[str, Any] = {}
        self.over = threading.Event()
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                self.rfile.read(int(self.headers.get("content-length", 0)))
                answer = outer.answers.get(self.path, (200, b""))
                if isinstance(answer, list):
                    answer = answer.pop(0) if len(answer) > 1 else answer[0]
                if answer == outer.HANG:
                    outer.over.wait()
                    return
                status, body = answer
                body = body if isinstance(body, bytes) else json.dumps(body).encode()
                self.send_response(status)
                self.send_header("content-length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        class Server(ThreadingHTTPServer):
            def handle_error(self, *_):
                pass  # a daemon that is killed cuts its connections off

        self.server = Server(("127.0.0.1", free_port()), Handler)
        self.server.daemon_threads = True
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def url(self, path: str, answer: Any = None) -> str:
        if answer is not None:
            self.answers[path] = answer
        return f"http://127.0.0.1:{self.server.server_address[1]}{path}"

    def stop(self) -> None:
        self.over.set()
        self.server.shutdown()
        self.server.server_close()


class Postgres:
    BIN = Path("/usr/lib/postgresql/15/bin")

    def __init__(self, folder: Path):
        for program in ("initdb", "postgres"):
            if not os.access(self.BIN / program, os.X_OK):
                raise RuntimeError(f"this test needs {self.BIN / program}: apt-get install postgresql-15")
        folder.mkdir()
        self.as_user: list[str] = []
        if os.geteuid() == 0:
            entry = pwd.getpwnam("postgres")
            os.chown(folder, entry.pw_uid, entry.pw_gid)
            self.as_user = [shutil.which("setpriv") or "/usr/bin/setpriv", "--reuid=postgres", "--regid=postgres",
                            "--init-groups", "--pdeathsig=KILL", "--"]
        self.folder, self.port = folder, free_port()
        data = folder / "data"
        subprocess.run([*self.as_user, self.BIN / "initdb", "-N", "-D", data, "-U", "postgres", "-A", "trust", "-E",
                        "UTF8", "--locale=C.UTF-8"], check=True, stdout=subprocess.DEVNULL)
        with (data / "postgresql.conf").open("a") as settings:
            settings.write(f"listen_addresses='127.0.0.1'\nunix_socket_directories='{folder}'\n"
                           "shared_buffers=32MB\ndynamic_shared_memory_type=mmap\n")
        self.process = subprocess.Popen([*self.as_user, self.BIN / "postgres", "-D", data, "-p", str(self.port)],
                                        stdout=subprocess.DEVNULL, stderr=(folder / "log").open("wb"),
                                        preexec_fn=_die_with_parent)
        eventually(self._answers, "postgres answers")

    def _answers(self) -> bool:
        if self.process.poll() is not None:
            raise RuntimeError(f"postgres ended:\n{(self.folder / 'log').read_text()[-2000:]}")
        return subprocess.run([*self.as_user, self.BIN / "pg_isready", "-q", "-U", "postgres", "-h", self.folder, "-p",
                               str(self.port)]).returncode == 0

    def url(self) -> str:
        return f"postgres://postgres@127.0.0.1:{self.port}/postgres"

    def ask(self, question: str) -> str:
        command = [*self.as_user, self.BIN / "psql", "-XAtq", "-U", "postgres", "-h", self.folder, "-p", str(self.port)]
        return subprocess.run([*command, "-c", question], check=True, capture_output=True, text=True).stdout.strip()

    def kill(self) -> None:
        """At once, as a crash would."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGQUIT)
            self.process.wait()

    def stop(self) -> None:
        self.kill()
