"""The simulator as a process of its own, as the machine sees it."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from aster_ray.errors import EXIT_INTERRUPTED

PAGE, TICKS = os.sysconf("SC_PAGE_SIZE"), os.sysconf("SC_CLK_TCK")


class Process:
    """A running simulator.

    Attributes:
        http, socket: where it is served.
    """

    def __init__(self, number: int, place: str) -> None:
        self._proc = Path(f"/proc/{number}")
        self.http, self.socket = f"http://{place}", f"ws://{place}"

    def rss(self) -> int:
        """Return the memory it holds, bytes."""
        return int((self._proc / "statm").read_text().split()[1]) * PAGE

    def cpu_seconds(self) -> float:
        """Return the processor time it has used."""
        fields = (self._proc / "stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / TICKS


@contextlib.contextmanager
def simulator(*arguments: str) -> Iterator[Process]:
    """Run ``aster simulator`` on a free port for the block, and see that it ends in order."""
    command = [sys.executable, "-m", "aster_ray.cli", "simulator", "--json", "--port", "0"]
    with (
        tempfile.TemporaryFile("w+") as errors,
        subprocess.Popen(
            [*command, *arguments], stdout=subprocess.PIPE, stderr=errors, text=True
        ) as process,
    ):
        try:
            assert process.stdout is not None
            text = ""
            while not text.endswith("}\n"):
                line = process.stdout.readline()
                assert line, f"it ended: {text}"
                text += line
            yield Process(process.pid, json.loads(text)["http"].removeprefix("http://"))
        finally:
            process.terminate()
            code = process.wait(30)
            errors.seek(0)
            said = errors.read()
        assert (code, said) == (EXIT_INTERRUPTED, '{"error": "interrupted"}\n')
