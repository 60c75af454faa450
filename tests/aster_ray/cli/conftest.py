"""What the tests of the command share: an empty folder to stand in, and its answers as JSON."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from aster_ray import cli

Answer = Callable[..., dict[str, Any]]


@pytest.fixture(autouse=True)
def empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Stand in an empty folder."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def answer(capsys: pytest.CaptureFixture[str]) -> Answer:
    """Run a command that must succeed and return what it prints with --json."""

    def run(*arguments: str, code: int = 0) -> dict[str, Any]:
        assert cli.main([*arguments, "--json"]) == code
        result = json.loads(capsys.readouterr().out)
        assert isinstance(result, dict)
        return result

    return run
