"""The gate over what the tests reach of ``aster_ray``: ``python -m tests.branch_coverage``.

Reads the data that ``make coverage`` has just collected, prints every missed line and branch and a
table of the packages, and exits with 1 where too few branches were taken. A branch is one way out
of a line that has several; a file that no test imports counts with all of its branches.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

from coverage import Coverage
from rich.console import Console
from rich.table import Table

TOTAL = "all of aster_ray"
LEAST = 0.90  # of all branches of every package, and of their sum
# Money is lost here: what moves numbers, what decides and remembers, what fills.
DECISIVE = {"kernel": 0.95, "engine": 0.95, "venues": 0.95}


class Row(NamedTuple):
    """How many lines and branches a package has, and how many of them the tests reach."""

    package: str
    lines: int
    lines_reached: int
    branches: int
    branches_taken: int

    @property
    def share(self) -> float:
        """Return the fraction of branches taken; 1 where there is nothing to choose."""
        return self.branches_taken / self.branches if self.branches else 1.0

    @property
    def least(self) -> float:
        return DECISIVE.get(self.package, LEAST)

    @property
    def held(self) -> bool:
        return self.share >= self.least


def rows(files: Mapping[str, Mapping[str, Any]]) -> list[Row]:
    """Sum coverage's own summary of each file over the packages; the total comes last."""
    found: dict[str, Row] = {}
    for name, file in sorted(files.items()):
        parts = Path(name).parts
        summary = file["summary"]
        counts = (
            summary["num_statements"],
            summary["covered_lines"],
            summary["num_branches"],
            summary["covered_branches"],
        )
        package = parts[1] if len(parts) > 2 else "foundations"
        for key in (package, TOTAL):
            before = found.get(key, Row(key, 0, 0, 0, 0))
            found[key] = Row(key, *(a + b for a, b in zip(before[1:], counts, strict=True)))
    total = found.pop(TOTAL, Row(TOTAL, 0, 0, 0, 0))
    return [*found.values(), total]


def failures(table: Sequence[Row]) -> list[str]:
    """Say which packages are short of their share; nothing measured at all is a failure too."""
    if not table[-1].branches:
        return ["no branch of aster_ray was measured"]
    return [
        f"{row.package}: {row.share:.1%} of branches taken, {row.least:.0%} needed"
        for row in table
        if not row.held
    ]


def show(console: Console, table: Sequence[Row]) -> None:
    """Print one line for each package."""
    drawn = Table(title="branches of aster_ray that the tests take (kernels interpreted)")
    drawn.add_column("package", no_wrap=True)
    for name in ("lines", "reached", "branches", "taken", "share", "needed"):
        drawn.add_column(name, justify="right")
    for row in table:
        counts = (f"{count:,}" for count in row[1:])
        colour = "green" if row.held else "red"
        share = f"[{colour}]{row.share:.1%}[/{colour}]"
        drawn.add_row(row.package, *counts, share, f"{row.least:.0%}")
    console.print(drawn)


def main() -> int:
    """Report on the data in the current folder and return the exit code."""
    measured = Coverage()
    measured.load()
    measured.report(show_missing=True, skip_covered=True)
    with TemporaryDirectory() as folder:
        file = Path(folder) / "coverage.json"
        measured.json_report(outfile=str(file))
        table = rows(json.loads(file.read_text())["files"])
    console = Console(width=100)
    show(console, table)
    short = failures(table)
    for problem in short:
        console.print(f"[red]{problem}[/red]", highlight=False)
    return int(bool(short))


if __name__ == "__main__":
    sys.exit(main())
