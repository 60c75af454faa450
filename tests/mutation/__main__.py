"""Break the kernel on purpose: its tests must notice. ``python -m tests.mutation [FILE ...]``.

Comparisons, arithmetic, conditions, constants, codes and statements are changed one at a time.
Exit code 1 means that a mutant survived which ``equivalents.toml`` does not explain, or that an
entry there is wrong.

Why not a library: mutmut 3 makes no mutants of decorated functions, and every kernel is one;
cosmic-ray edits the checkout and starts pytest anew for each mutant, which takes hours.
"""

from __future__ import annotations

import argparse
import os
import random
import sys
import time
from collections.abc import Sequence

# Before anything imports numba: only an interpreted function can be given other code.
os.environ["NUMBA_DISABLE_JIT"] = "1"
os.environ["OPENBLAS_NUM_THREADS"] = "1"  # a process with threads cannot be forked safely
os.environ["CI"] = "true"  # properties are tried on the same examples every time

from rich.console import Console
from rich.table import Table

from tests.mutation.equivalents import known, wrong
from tests.mutation.hunt import ENDLESS, KILLED, SURVIVED, Hunt
from tests.mutation.mutants import Mutant

KERNEL, TESTS = "aster_ray/kernel", "tests/aster_ray/kernel"
TARGETS: dict[str, tuple[str, ...]] = {
    f"{KERNEL}/limits.py": (f"{TESTS}/test_limits.py", f"{TESTS}/test_limits_by_hand.py"),
    f"{KERNEL}/exits.py": (f"{TESTS}/test_exits.py", f"{TESTS}/test_exits_by_hand.py"),
    f"{KERNEL}/sizing.py": (f"{TESTS}/test_sizing.py",),
    f"{KERNEL}/margin.py": (f"{TESTS}/test_margin.py",),
    f"{KERNEL}/liquidation.py": (f"{TESTS}/test_liquidation.py",),
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Try the mutants of some files and return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tests.mutation", description=__doc__)
    parser.add_argument("files", nargs="*", metavar="FILE", help=f"of {', '.join(TARGETS)}")
    parser.add_argument("--sample", type=int, metavar="N", help="so many of each file, at random")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--tests", nargs="+", metavar="TEST_FILE", help="instead of the file's own")
    chosen = parser.parse_args(arguments)
    files = chosen.files or list(TARGETS)
    if unknown := set(files) - set(TARGETS):
        parser.error(f"no tests are named for {', '.join(sorted(unknown))}")
    draw = random.Random(chosen.seed)
    listed = known()

    def some(mutants: Sequence[Mutant]) -> Sequence[Mutant]:
        if chosen.sample is None:
            return mutants
        # All that are listed: an entry that is wrong must be found by any sample.
        drawn = set(draw.sample(mutants, min(chosen.sample, len(mutants))))
        return [mutant for mutant in mutants if mutant in drawn or mutant.key in listed]

    def tell(mutant: Mutant, fate: str) -> None:
        if fate == SURVIVED and mutant.key not in listed:
            print(f"survived: {mutant}", flush=True)

    started = time.perf_counter()
    hunt = Hunt({file: chosen.tests or TARGETS[file] for file in files}, some, chosen.workers, tell)
    hunt.run()
    survivors = [
        mutant
        for mutant, fate in hunt.fates.items()
        if fate == SURVIVED and mutant.key not in listed
    ]
    problems = [f"fails without any mutant: {name}" for name in hunt.failed]
    problems += wrong(listed, hunt.fates, files)
    console = Console(width=200 if not sys.stdout.isatty() else None, highlight=False)
    console.print(_table(files, hunt.fates, survivors))
    for problem in problems:
        print(f"wrong: {problem}")
    console.print(f"{time.perf_counter() - started:.0f} s, {chosen.workers} at a time")
    return int(bool(survivors or problems))


def _table(files: Sequence[str], fates: dict[Mutant, str], survivors: Sequence[Mutant]) -> Table:
    table = Table("file", *("mutants", "killed", ENDLESS, "survived", "equivalent"))
    for column in table.columns[1:]:
        column.justify = "right"
    for name in [*files, "all"]:
        own = [fate for mutant, fate in fates.items() if name in ("all", mutant.file)]
        left = sum(name in ("all", mutant.file) for mutant in survivors)
        counts = (len(own), own.count(KILLED), own.count(ENDLESS), left)
        table.add_row(name, *map(str, (*counts, own.count(SURVIVED) - left)))
    return table


if __name__ == "__main__":
    sys.exit(main())
