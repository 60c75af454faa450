from __future__ import annotations

import os
import signal
from collections.abc import Sequence

import pytest

from aster_ray.cli.apart import apart
from aster_ray.errors import AsterError, BadInputError, ConfigError


def double(values: Sequence[int], *, add: int) -> tuple[list[int], int]:
    return [2 * value + add for value in values], os.getpid()


def refuse(kind: type[AsterError]) -> None:
    raise ConfigError(["one", "two"]) if kind is ConfigError else kind("no")


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def test_the_result_comes_from_another_process() -> None:
    found, process = apart(double, [1, 2], add=1)
    assert found == [3, 5]
    assert process != os.getpid()


def test_what_is_raised_there_is_raised_here() -> None:
    with pytest.raises(BadInputError, match="no"):
        apart(refuse, BadInputError)
    with pytest.raises(ConfigError) as problem:
        apart(refuse, ConfigError)
    assert problem.value.problems == ("one", "two")


def test_a_process_that_is_killed_is_named() -> None:
    with pytest.raises(AsterError, match="was killed: it may lack memory"):
        apart(die)
