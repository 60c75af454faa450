"""What one check found, and what to do about it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from enum import StrEnum


class Level(StrEnum):
    """How bad it is."""

    OK = "ok"
    WARN = "warn"  # may be meant so: look at it
    FAIL = "FAIL"  # nothing may trade before it is mended


@dataclass(frozen=True, slots=True)
class Finding:
    """The outcome of one check.

    Attributes:
        name: of the check, the same every time, e.g. ``clock``.
        level: how bad it is.
        text: what was found; never a secret.
        remedy: what to do; empty where all is well.
    """

    name: str
    level: Level
    text: str
    remedy: str = ""

    def as_dict(self) -> dict[str, str]:
        """Return it JSON-ready."""
        return {name: str(value) for name, value in asdict(self).items()}


def ok(name: str, text: str) -> Finding:
    """Return that all is well."""
    return Finding(name, Level.OK, text)


def warn(name: str, text: str, remedy: str) -> Finding:
    """Return what should be looked at."""
    return Finding(name, Level.WARN, text, remedy)


def fail(name: str, text: str, remedy: str) -> Finding:
    """Return what must be mended."""
    return Finding(name, Level.FAIL, text, remedy)


def passed(findings: Iterable[Finding]) -> bool:
    """Return whether nothing failed."""
    return all(finding.level is not Level.FAIL for finding in findings)
