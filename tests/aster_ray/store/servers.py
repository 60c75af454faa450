"""Real servers of a test session: on free ports, in temporary folders, gone with the session."""

from __future__ import annotations

import shutil
import signal
import subprocess
import time
from pathlib import Path

from tests.ports import free_ports

NO_REDIS = "redis-server is absent: install the Debian package redis-server"
_PATIENCE_S = 30.0


def redis_program() -> str | None:
    return shutil.which("redis-server")


class RedisServer:
    """One redis-server without persistence: what it knew is gone when it ends."""

    def __init__(self, folder: Path, program: str) -> None:
        self._folder, self._program = folder, program
        self.port = free_ports(1)[0]
        self.url = f"redis://127.0.0.1:{self.port}/0"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        command = [self._program, "--port", str(self.port), "--bind", "127.0.0.1"]
        command += ["--save", "", "--appendonly", "no", "--dir", str(self._folder)]
        log = (self._folder / "redis.log").open("ab")
        with log:
            self._process = subprocess.Popen(command, stdout=log, stderr=log)
        self._await()

    def end(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def freeze(self) -> None:
        """Stop answering without closing a connection: what a cut network looks like."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        assert self._process is not None
        self._process.send_signal(signal.SIGCONT)

    def _await(self) -> None:
        import redis

        until = time.monotonic() + _PATIENCE_S
        with redis.Redis(port=self.port, socket_timeout=1.0) as client:
            while True:
                try:
                    client.ping()
                except redis.exceptions.ConnectionError:
                    if time.monotonic() > until:
                        raise
                    time.sleep(0.02)
                else:
                    return
