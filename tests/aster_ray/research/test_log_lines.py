from __future__ import annotations

import itertools
import json
from pathlib import Path
from typing import Any

import pytest

from aster_ray.errors import BadInputError
from aster_ray.research import log_lines
from aster_ray.research.log_lines import follow_lines, last_lines


def write(folder: Path, name: str, *moments: int) -> None:
    (folder / "logs").mkdir(exist_ok=True)
    with (folder / "logs" / name).open("a") as file:
        for moment in moments:
            line = {"timestamp": f"2025-01-01T00:00:{moment:02d}Z", "event": f"e{moment}"}
            file.write(json.dumps(line) + "\n")


def append(file: Path, text: str) -> None:
    with file.open("a") as opened:
        opened.write(text)


def events(lines: list[dict[str, Any]]) -> list[str]:
    return [f"{line['process']} {line['event']}" for line in lines]


def test_lines_of_all_processes_come_in_order_of_time(tmp_path: Path) -> None:
    write(tmp_path, "feed.log", 1, 4)
    write(tmp_path, "risk.log", 2, 3, 5)
    lines, _ = last_lines(tmp_path, None, 10)
    assert events(lines) == ["feed e1", "risk e2", "risk e3", "feed e4", "risk e5"]
    lines, _ = last_lines(tmp_path, None, 2)
    assert events(lines) == ["feed e4", "risk e5"]
    lines, _ = last_lines(tmp_path, "feed", 10)
    assert events(lines) == ["feed e1", "feed e4"]
    assert last_lines(tmp_path, None, 0)[0] == []


def test_a_process_that_never_logged_is_bad_input(tmp_path: Path) -> None:
    write(tmp_path, "feed.log", 1)
    with pytest.raises(BadInputError, match=r"no log of 'feeed' in .*: there are feed"):
        last_lines(tmp_path, "feeed", 10)
    with pytest.raises(BadInputError, match="there are none yet"):
        last_lines(tmp_path / "empty", "feed", 10)


def test_older_files_of_a_rotation_are_read_as_far_as_needed(tmp_path: Path) -> None:
    write(tmp_path, "feed.log.2", 1, 2)
    write(tmp_path, "feed.log.1", 3, 4)
    write(tmp_path, "feed.log", 5)
    assert events(last_lines(tmp_path, None, 3)[0]) == ["feed e3", "feed e4", "feed e5"]
    assert len(last_lines(tmp_path, None, 100)[0]) == 5


def test_following_waits_for_whole_lines_and_survives_a_rotation(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path, "feed.log", 1, 2)
    log = tmp_path / "logs" / "feed.log"

    def rotate() -> None:
        write(tmp_path, "feed.log", 8)  # nobody has read this one yet
        log.replace(log.with_name("feed.log.1"))
        write(tmp_path, "feed.log", 9)

    acts = iter(
        [
            lambda: write(tmp_path, "feed.log", 3),
            lambda: append(log, '{"event": "torn'),
            lambda: append(log, ' and mended"}\nno json\n'),
            lambda: write(tmp_path, "risk.log", 4),
            rotate,
        ]
    )
    monkeypatch.setattr("aster_ray.clock.wait", lambda _seconds: next(acts)())
    _, cursor = last_lines(tmp_path, None, 1)
    found = list(itertools.islice(follow_lines(tmp_path, None, cursor), 6))
    assert events(found) == [
        "feed e3",
        "feed torn and mended",
        "feed no json",
        "risk e4",
        "feed e8",
        "feed e9",
    ]


def test_a_look_between_two_files_of_a_rotation_loses_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path, "feed.log", 1, 2)
    log = tmp_path / "logs" / "feed.log"
    monkeypatch.setattr(log_lines, "log_files", lambda *_: [log])

    def rotate() -> None:
        write(tmp_path, "feed.log", 3)
        log.replace(log.with_name("feed.log.1"))

    acts = iter([rotate, lambda: write(tmp_path, "feed.log", 4)])
    monkeypatch.setattr("aster_ray.clock.wait", lambda _seconds: next(acts)())
    found = list(itertools.islice(follow_lines(tmp_path, None, {log: log.stat().st_size}), 2))
    assert events(found) == ["feed e3", "feed e4"]
