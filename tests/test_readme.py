"""What the README tells a person to type works."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text()
BLOCKS = re.findall(r"^```(bash|python)\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)
MAKE = [line for kind, block in BLOCKS for line in block.splitlines() if line.startswith("make ")]
RUNNABLE = [(kind, block) for kind, block in BLOCKS if not block.startswith("make ")]


def targets() -> set[str]:
    lines = (ROOT / "Makefile").read_text().splitlines()
    return {line.split(":")[0] for line in lines if re.match(r"[a-z][\w-]*:", line)}


def test_the_readme_names_both_commands_and_they_exist() -> None:
    assert {"make paper", "make test"} <= set(MAKE)
    mentioned = {line.split()[1] for line in MAKE} | set(re.findall(r"`make ([\w-]+)", README))
    assert mentioned <= targets()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("kind", "block"), RUNNABLE, ids=[block.split("\n")[0][:60] for _, block in RUNNABLE]
)
def test_a_block_runs_as_it_stands(kind: str, block: str, tmp_path: Path) -> None:
    """Run it in an empty folder whose ``.venv/bin`` holds what is under test."""
    place = tmp_path / ".venv" / "bin"
    place.mkdir(parents=True)
    for name, module in (("aster", "-m aster_ray.cli "), ("python", "")):
        (place / name).write_text(f'#!/bin/sh\nexec "{sys.executable}" {module}"$@"\n')
        (place / name).chmod(0o755)
    start = ["bash", "-euo", "pipefail", "-c"] if kind == "bash" else [sys.executable, "-c"]
    result = subprocess.run(
        [*start, block],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
        timeout=600,
    )
    assert result.returncode == 0, result.stdout + result.stderr
