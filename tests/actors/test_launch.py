"""How a local Ray node that does not come up is told of."""

from __future__ import annotations

import pytest
import ray

from actors.launch import local_ray
from aster_ray.errors import AsterError


@pytest.mark.parametrize("kind", [Exception, RuntimeError, OSError])
def test_a_node_that_does_not_start_is_told_with_what_ray_says(
    kind: type[Exception], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ray raises a bare ``Exception`` where the node takes longer than half a minute."""

    def fail(**_: object) -> None:
        raise kind("The current node timed out during startup.")

    monkeypatch.setattr(ray, "is_initialized", lambda: False)
    monkeypatch.setattr(ray, "init", fail)
    expected = r"does not start: The current node timed out during startup; end what .* try again$"
    with pytest.raises(AsterError, match=expected), local_ray():
        pytest.fail("there is no node")
