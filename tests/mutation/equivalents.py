"""Mutants that no test can find, because they change nothing: each one with the reason."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Iterator
from pathlib import Path

from tests.mutation.hunt import SURVIVED
from tests.mutation.mutants import Mutant

Key = tuple[str, str, str]
LIST = Path(__file__).with_name("equivalents.toml")


def known(text: str | None = None) -> dict[Key, str]:
    """Return the reason by mutant."""
    found: dict[Key, str] = {}
    for file, functions in tomllib.loads(LIST.read_text() if text is None else text).items():
        for function, rows in functions.items():
            for row in rows:
                for change in row["changes"]:
                    if (file, function, change) in found:
                        raise ValueError(f"listed twice: {file}: {function}: {change}")
                    found[file, function, change] = row["because"]
    return found


def wrong(listed: Iterable[Key], fates: dict[Mutant, str], files: Iterable[str]) -> Iterator[str]:
    """Say which entries of the given files are no mutants (any more), or are found by a test."""
    by_key = {mutant.key: fate for mutant, fate in fates.items()}
    for key in listed:
        if key[0] in files and key not in by_key:
            yield f"{': '.join(key)}: no such mutant"
        elif by_key.get(key, SURVIVED) != SURVIVED:
            yield f"{': '.join(key)}: not equivalent, a test finds it"
