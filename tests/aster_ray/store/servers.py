"""Real servers of a test session: on free ports, in temporary folders, gone with the session."""

from __future__ import annotations

import os
import pwd
import re
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.ports import free_ports

NO_REDIS = "redis-server is absent: install the Debian package redis-server"
NO_POSTGRES = "postgres is absent: install the Debian package postgresql"
PASSWORD = "correct-horse-battery"
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


def postgres_programs() -> Path | None:
    """Return the folder of initdb and postgres."""
    found = shutil.which("initdb")
    if found is not None:
        return Path(found).parent
    places = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    return places[-1].parent if places else None


def _owner() -> str | None:
    """Return who runs the server in our place: it refuses to run as root."""
    if os.geteuid() != 0:
        return None
    try:
        return pwd.getpwnam("postgres").pw_name
    except KeyError:
        return None


def postgres_is_here() -> bool:
    may_run = os.geteuid() != 0 or (_owner() is not None and shutil.which("runuser") is not None)
    return postgres_programs() is not None and may_run


class PostgresServer:
    """One PostgreSQL cluster in a temporary folder, with a password."""

    def __init__(self) -> None:
        programs = postgres_programs()
        assert programs is not None
        self._programs, self._owner = programs, _owner()
        self.folder = Path(tempfile.mkdtemp(prefix="aster-postgres-"))
        self.port = free_ports(1)[0]
        secret = self.folder / "password"
        secret.write_text(PASSWORD + "\n")
        if self._owner is not None:
            for path in (self.folder, secret):
                shutil.chown(path, self._owner)
        self._process: subprocess.Popen[bytes] | None = None
        make = [str(programs / "initdb"), "-D", str(self.folder / "data"), "-U", "aster"]
        make += ["--auth=scram-sha-256", f"--pwfile={secret}", "--no-sync", "-E", "UTF8"]
        subprocess.run(self._as_owner(make), check=True, capture_output=True)

    def url(self) -> str:
        return f"postgresql+psycopg://aster:{PASSWORD}@127.0.0.1:{self.port}/postgres"

    def start(self) -> None:
        command = [str(self._programs / "postgres"), "-D", str(self.folder / "data")]
        command += ["-p", str(self.port), "-h", "127.0.0.1", "-k", "", "-c", "fsync=off"]
        with (self.folder / "server.log").open("ab") as log:
            self._process = subprocess.Popen(self._as_owner(command), stdout=log, stderr=log)
        self._await()

    def end(self, number: int = signal.SIGINT) -> None:
        """End it: at once, without waiting for whoever is connected."""
        if self._process is None:
            return
        first = (self.folder / "data" / "postmaster.pid").read_text().split("\n", 1)[0]
        os.kill(int(first), number)
        self._process.wait(_PATIENCE_S)
        self._process = None

    def remove(self) -> None:
        self.end(signal.SIGQUIT)
        shutil.rmtree(self.folder, ignore_errors=True)

    def create(self, name: str) -> str:
        """Make an empty place for tables and return its URL: a schema, as databases are slow."""
        import psycopg

        schema = re.sub(r"[^a-z0-9]+", "_", name.lower())
        with psycopg.connect(self._plain(), autocommit=True) as connection:
            connection.execute(f"CREATE SCHEMA {schema}")
        return f"{self.url()}?options=-csearch_path%3D{schema}"

    def _plain(self) -> str:
        return self.url().replace("+psycopg", "")

    def _as_owner(self, command: list[str]) -> list[str]:
        return command if self._owner is None else ["runuser", "-u", self._owner, "--", *command]

    def _await(self) -> None:
        import psycopg

        until = time.monotonic() + _PATIENCE_S
        while True:
            try:
                psycopg.connect(self._plain(), connect_timeout=2).close()
            except psycopg.OperationalError:
                if time.monotonic() > until:
                    raise
                time.sleep(0.05)
            else:
                return


def served() -> Iterator[PostgresServer]:
    """Yield a running server, which goes with whoever asked; skip where there is no program."""
    if not postgres_is_here():
        pytest.skip(NO_POSTGRES)
    server = PostgresServer()
    server.start()
    yield server
    server.remove()


def served_redis(folder: Path) -> Iterator[RedisServer]:
    """Yield a running redis-server whose files lie in ``folder``, or skip."""
    program = redis_program()
    if program is None:
        pytest.skip(NO_REDIS)
    server = RedisServer(folder, program)
    server.start()
    yield server
    server.end()
