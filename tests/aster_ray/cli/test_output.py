"""Results, their files and the bar that tells how far the work is."""

from __future__ import annotations

import io
import json
import os
import sys
from pathlib import Path

import pytest
from rich.console import Console

from aster_ray.cli import output
from aster_ray.cli.options import VerbOptions
from aster_ray.errors import BadInputError

Capture = pytest.CaptureFixture[str]


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        return True


def on_a_terminal(monkeypatch: pytest.MonkeyPatch) -> Terminal:
    """Let the process have a terminal, and return what stands on it."""
    screen = Terminal()
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setattr(sys, "stdout", Terminal())
    monkeypatch.setattr(sys, "stderr", screen)
    return screen


def test_a_name_with_brackets_is_printed_as_it_is(capsys: Capture) -> None:
    from rich.table import Table

    def render(console: Console) -> None:
        table = Table("folder")
        table.add_row("data[old]/btc.csv")
        console.print(table)
        console.print("[bold]runs/[x]")

    output.emit(VerbOptions(), {}, render)
    text = capsys.readouterr().out
    assert "data[old]/btc.csv" in text
    assert "[bold]runs/[x]\n" in text


def test_a_result_is_also_written_below_out(tmp_path: Path, capsys: Capture) -> None:
    out = tmp_path / "deep" / "out"
    output.emit(VerbOptions(as_json=True, out=out), {"a": "ü"}, lambda _: None, "result.json")
    printed = capsys.readouterr().out
    assert json.loads(printed) == {"a": "ü"}
    assert (out / "result.json").read_text() == printed
    assert [path.name for path in out.parent.iterdir()] == ["out"]  # no staging is left


def test_a_place_that_is_a_file_or_below_one_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.touch()
    with pytest.raises(BadInputError, match="is a file: name a directory"):
        output.require_writable(file)
    with pytest.raises(BadInputError, match="file is a file: name another directory"):
        output.require_writable(file / "below")


def test_a_place_that_may_not_be_written_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "access", lambda *_: False)
    with pytest.raises(BadInputError, match="choose a directory you may write"):
        output.require_writable(tmp_path / "new")


def fail_to_write(out: Path) -> None:
    with output.staged(out) as folder:
        (folder / "half.json").write_text("{}")
        raise OSError(28, "No space left on device")


def test_a_full_disk_leaves_nothing_half_written(tmp_path: Path) -> None:
    with pytest.raises(BadInputError, match=r"cannot be written \(No space left on device\)"):
        fail_to_write(tmp_path / "out")
    assert not list(tmp_path.iterdir())


def work(options: VerbOptions) -> None:
    with output.progress(options, "sweep") as told:
        told(1, 4)
        told(4, 4)


def test_long_work_shows_a_bar_on_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    class Now:
        """A timer whose time is up as soon as it starts."""

        daemon = False

        def __init__(self, _seconds: float, function: object) -> None:
            self.start = function

        def cancel(self) -> None: ...
        def join(self) -> None: ...

    monkeypatch.setattr(output.threading, "Timer", Now)
    terminal = on_a_terminal(monkeypatch)
    work(VerbOptions())
    assert "sweep" in terminal.getvalue()
    assert "4/4" in terminal.getvalue()


def test_short_work_shows_none(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = on_a_terminal(monkeypatch)
    work(VerbOptions())
    assert "sweep" not in terminal.getvalue()


def test_nothing_is_shown_to_a_program(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = on_a_terminal(monkeypatch)
    work(VerbOptions(as_json=True))
    assert terminal.getvalue() == ""


def test_nothing_is_shown_into_a_pipe(capsys: Capture) -> None:
    work(VerbOptions())
    assert capsys.readouterr() == ("", "")
