"""That the benchmark measures what it names; no test asserts a speed."""

from __future__ import annotations

import pytest

from tests.bench import storage


def test_every_kind_is_timed_and_printed(capsys: pytest.CaptureFixture[str]) -> None:
    assert storage.main(["--blocks", "1"]) == 0
    printed = capsys.readouterr().out
    for name in ("commit: file", "commit: SQLite", "check: lease by file", "load average"):
        assert name in printed
