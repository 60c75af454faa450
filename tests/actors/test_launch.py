"""How a local Ray node that does not come up is told of."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import ray

from actors.launch import local_ray
from aster_ray.errors import AsterError


@pytest.fixture
def fail(monkeypatch: pytest.MonkeyPatch) -> Callable[[Exception], None]:
    """Let Ray's start end in an error."""

    def failing(error: Exception) -> None:
        def init(**_: object) -> None:
            raise error

        monkeypatch.setattr(ray, "is_initialized", lambda: False)
        monkeypatch.setattr(ray, "init", init)

    return failing


@pytest.mark.parametrize("kind", [Exception, RuntimeError, OSError])
def test_a_node_that_does_not_start_is_told_with_what_ray_says(
    kind: type[Exception], fail: Callable[[Exception], None]
) -> None:
    """Ray raises a bare ``Exception`` where the node takes longer than half a minute."""
    fail(kind("The current node timed out during startup."))
    expected = r"does not start: The current node timed out during startup; end what .* try again$"
    with pytest.raises(AsterError, match=expected), local_ray():
        pytest.fail("there is no node")


def test_a_defect_is_not_put_down_to_a_busy_machine(fail: Callable[[Exception], None]) -> None:
    fail(TypeError("unexpected keyword argument"))
    with pytest.raises(TypeError, match="unexpected keyword"), local_ray():
        pytest.fail("there is no node")
