"""A module that is one verb ends as the ``aster`` command does."""

from __future__ import annotations

import faulthandler
import json
import os
import signal
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import pytest
import typer

from aster_ray.cli.options import VerbOptions
from aster_ray.cli.process import as_process, keeping_signals, run_job
from aster_ray.cli.streams import results
from aster_ray.errors import AsterError, DataError


@dataclass(frozen=True, slots=True, kw_only=True)
class Count(VerbOptions):
    number: Annotated[int, typer.Option(help="How many.", min=1)] = 1


def run(*argv: str) -> int:
    return run_job("count", Count, count, argv)


def count(options: Count) -> None:
    """Count."""
    failures = {2: DataError("no bars"), 3: AsterError("lost"), 4: KeyboardInterrupt()}
    if options.number in failures:
        raise failures[options.number]
    if options.number == 5:
        raise OSError(28, "No space left on device", "/disk")
    print(options.number, file=results())


@pytest.mark.parametrize(
    ("number", "code", "line"),
    [
        ("2", 2, "no bars"),
        ("3", 1, "lost"),
        ("4", 130, "interrupted"),
        ("5", 1, "/disk: No space left on device"),
    ],
)
def test_every_end_has_its_code_and_one_line(number, code, line, capsys) -> None:
    assert run("--number", number) == code
    assert capsys.readouterr().err == f"error: {line}\n"
    assert run("--number", number, "--json") == code
    assert json.loads(capsys.readouterr().err) == {"error": line}


def test_it_does_its_work_and_refuses_unknown_options(capsys) -> None:
    assert run("--number", "7") == 0
    assert capsys.readouterr().out == "7\n"
    for argv in (("--nmber", "7"), ("--number", "seven"), ("--number", "0")):
        assert run(*argv) == 2
        assert capsys.readouterr().err.startswith("error: ")


def test_its_help_is_its_docstring(capsys) -> None:
    assert run("--help") == 0
    assert "Count." in capsys.readouterr().out


@pytest.fixture
def interrupts() -> Iterator[None]:
    """Put back what Ctrl-C means to the tests."""
    before = signal.getsignal(signal.SIGINT)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("interrupts")
def test_as_a_process_it_takes_the_arguments_of_the_process_and_ends_deaf_to_ctrl_c(
    monkeypatch: pytest.MonkeyPatch, capsys
) -> None:
    monkeypatch.setattr(sys, "argv", ["count", "--number", "8"])
    assert run_job("count", Count, count) == 0
    assert capsys.readouterr().out == "8\n"
    assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN


@pytest.mark.usefixtures("interrupts")
def test_an_interrupt_after_the_commands_last_statement_is_still_an_interruption() -> None:
    def late() -> int:
        raise KeyboardInterrupt

    assert as_process(late) == 130
    assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN


def test_signals_a_library_took_are_taken_back(tmp_path: Path) -> None:
    heard: list[int] = []
    before = signal.signal(signal.SIGTERM, lambda number, _frame: heard.append(number))
    try:
        with (tmp_path / "dump").open("w+") as dump:
            with keeping_signals():
                # As Ray does: one handler of its own, then another in C that Python knows not of.
                signal.signal(signal.SIGTERM, lambda *_: pytest.fail("the library's own"))
                faulthandler.register(signal.SIGTERM, dump, chain=False)
                os.kill(os.getpid(), signal.SIGTERM)
                assert heard == []
            os.kill(os.getpid(), signal.SIGTERM)
            assert heard == [signal.SIGTERM]
    finally:
        faulthandler.unregister(signal.SIGTERM)
        signal.signal(signal.SIGTERM, before)
