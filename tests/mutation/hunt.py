"""Run tests against mutants: a pytest plugin that takes the place of the ordinary test loop.

Every mutant lives in a fork of this process, which has imported and collected everything already.
Only tests that reach the mutant's lines are run, the quickest first, up to the first that fails.
"""

from __future__ import annotations

import os
import pickle
import signal
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from types import FrameType
from typing import Any

import pytest

from tests.mutation.mutants import (
    MODULE_LEVEL,
    ROOT,
    Mutant,
    module_of,
    mutants_of,
    originals_of,
    replace,
)

CRASHED = 255
PATIENCE_S = 60.0  # a mutant that is still running never ends
SURVIVED, KILLED, ENDLESS = "survived", "killed", "never ended"


@dataclass
class Reach:
    """What the tests do to unchanged code."""

    failed: list[str] = field(default_factory=list)
    seconds: dict[str, float] = field(default_factory=dict)  # by test
    tests: dict[tuple[str, int], set[str]] = field(default_factory=dict)  # by (file, line)


class Hunt:
    """Choose mutants of ``targets`` (file -> its test files), and find out who survives."""

    def __init__(
        self,
        targets: Mapping[str, Sequence[str]],
        choose: Callable[[Sequence[Mutant]], Sequence[Mutant]] = lambda found: found,
        workers: int = 1,
        tell: Callable[[Mutant, str], None] = lambda mutant, fate: None,
    ) -> None:
        self.targets = targets
        self.choose = choose
        self.workers = workers
        self.fates: dict[Mutant, str] = {}
        self.failed: list[str] = []
        self.tell = tell
        self._broken = False
        self._kills: Counter[tuple[str, str]] = Counter()  # by (function, test)

    def run(self) -> None:
        """Fill ``fates``; or ``failed``, if tests fail without any mutant."""
        files = dict.fromkeys(name for names in self.targets.values() for name in names)
        # A mutant must be found by what a test says, not by a warning only numpy gives.
        options = ["-o", "addopts=--import-mode=importlib", "-W", "ignore::RuntimeWarning"]
        options += ["-p", "no:terminal", "-p", "no:cacheprovider", "-p", "no:faulthandler"]
        code = pytest.main([*options, *(str(ROOT / name) for name in files)], plugins=[self])
        if code != pytest.ExitCode.OK and not self.failed:
            raise RuntimeError(f"pytest ended with {code!r} before any mutant was tried")

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Notice a failure of whichever test runs in this process."""
        self._broken |= report.failed

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        """Run mutants where pytest would run each test once."""
        if session.testsfailed:
            raise session.Failed(f"{session.testsfailed} test files cannot be collected")
        # A property that fails has found the mutant: no simpler example is asked for.
        from hypothesis import Phase, settings  # not before pytest has prepared its plugins

        phases = (Phase.explicit, Phase.generate)
        settings.register_profile("mutation", settings.get_profile("ci"), phases=phases)
        settings.load_profile("mutation")
        items = {item.nodeid: item for item in session.items}
        for file, tests in self.targets.items():
            places = {ROOT / name for name in tests}
            own = [item for item in session.items if item.path in places]
            reach: Reach = pickle.loads(
                _ask_fork(lambda own=own, file=file: self._reach(own, file))
            )
            if reach.failed or not own:
                self.failed += reach.failed or [f"{file} has no tests"]
                continue
            self._try(self.choose(mutants_of(file)), reach, items)
        return True

    def _reach(self, items: Sequence[pytest.Item], file: str) -> Reach:
        """Run every test against the originals, compiled as mutants are, and note what it runs."""
        module = module_of(file)
        for name, code in originals_of(file).items():
            replace(module, name, code)
        path = str(ROOT / file)
        reach = Reach()
        lines: set[int] = set()

        def inside(frame: FrameType, event: str, _: object) -> Any:
            lines.add(frame.f_lineno)
            return inside

        def entered(frame: FrameType, event: str, _: object) -> Any:
            return inside if frame.f_code.co_filename == path else None

        found: dict[tuple[str, int], set[str]] = defaultdict(set)
        for item in items:
            lines.clear()
            started = time.perf_counter()
            sys.settrace(entered)
            failed = self._failing([item])
            sys.settrace(None)
            reach.seconds[item.nodeid] = time.perf_counter() - started
            if failed:
                reach.failed.append(item.nodeid)
            for line in lines:
                found[path, line].add(item.nodeid)
        reach.tests = dict(found)
        return reach

    def _failing(self, items: Sequence[pytest.Item]) -> int:
        """Run tests up to the first that fails, and return its number from 1; or 0."""
        self._broken = False
        for k, item in enumerate(items):
            following = items[k + 1] if k + 1 < len(items) else None
            item.ihook.pytest_runtest_protocol(item=item, nextitem=following)
            if self._broken:
                return k + 1
        return 0

    def _try(
        self, mutants: Sequence[Mutant], reach: Reach, items: Mapping[str, pytest.Item]
    ) -> None:
        """Try mutants, ``workers`` at a time."""
        waiting = list(reversed(mutants))
        running: dict[int, tuple[Mutant, list[str], float]] = {}
        while waiting or running:
            while waiting and len(running) < self.workers:
                mutant = waiting.pop()
                names = self._order(reach, mutant)
                pid = self._fork(mutant, [items[name] for name in names])
                running[pid] = mutant, names, time.monotonic() + PATIENCE_S
            for pid, (mutant, names, deadline) in list(running.items()):
                ended, status = os.waitpid(pid, os.WNOHANG)
                if not ended and time.monotonic() > deadline:
                    os.kill(pid, signal.SIGKILL)
                    os.waitpid(pid, 0)
                    self.fates[mutant] = ENDLESS
                elif ended:
                    self.fates[mutant] = KILLED if status else SURVIVED
                    killer = os.waitstatus_to_exitcode(status) - 1
                    if 0 <= killer < len(names):
                        self._kills[mutant.function, names[killer]] += 1
                else:
                    continue
                del running[pid]
                self.tell(mutant, self.fates[mutant])
            time.sleep(0.001)

    def _order(self, reach: Reach, mutant: Mutant) -> list[str]:
        """Return the tests that reach a mutant: those that killed its neighbours, the quickest."""
        if mutant.function == MODULE_LEVEL:
            tests = set(reach.seconds)
        else:
            path = str(ROOT / mutant.file)
            tests = set().union(*(reach.tests.get((path, line), ()) for line in mutant.lines))
        return sorted(tests, key=lambda x: (-self._kills[mutant.function, x], reach.seconds[x]))

    def _fork(self, mutant: Mutant, items: Sequence[pytest.Item]) -> int:
        """Run tests against a mutant; the exit code is 0, or the number of the test that failed."""
        pid = os.fork()
        if pid:
            return pid
        code = CRASHED
        try:
            _silence()
            mutant.install()
            code = min(self._failing(items), CRASHED)
        finally:
            os._exit(code)


def _silence() -> None:
    """Let nothing that a mutant prints reach the terminal."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    os.dup2(nowhere, 2)


def _ask_fork(question: Callable[[], object]) -> bytes:
    """Return the pickled answer of a fork of this process."""
    reading, writing = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            _silence()
            os.close(reading)
            with os.fdopen(writing, "wb") as pipe:
                pickle.dump(question(), pipe)
        finally:
            os._exit(0)
    os.close(writing)
    with os.fdopen(reading, "rb") as pipe:
        answer = pipe.read()
    os.waitpid(pid, 0)
    return answer
