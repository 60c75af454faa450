"""What every suite shares: reproducible properties and the place of recorded data."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

ROOT = Path(__file__).parents[1]
PLACES = "ASTER_PLACES"

# Where it is set, processes that we start say at once what at a user's they hold back in a pipe.
os.environ.pop("PYTHONUNBUFFERED", None)

# No deadline: the first example of a kernel compiles it. CI must fail on the same examples twice.
settings.register_profile(
    "local", deadline=None, suppress_health_check=[HealthCheck.too_slow], database=None
)
settings.register_profile("ci", settings.get_profile("local"), derandomize=True)
settings.load_profile("ci" if os.environ.get("CI") else "local")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Where several processes share the tests, say what must stay in one of them.

    Everything on Ray shares one node and takes longest, so it comes first; a file stays whole for
    the sake of its fixtures.
    """
    if "PYTEST_XDIST_WORKER" not in os.environ:
        return
    items.sort(key=lambda item: item.get_closest_marker("ray") is None)
    for item in items:
        is_on_ray = item.get_closest_marker("ray") is not None
        group = "ray" if is_on_ray else str(item.path.relative_to(ROOT))
        item.add_marker(pytest.mark.xdist_group(group))


@pytest.fixture(scope="session")
def recorded_data() -> Path:
    """Return the folder of recorded market data, or skip."""
    folder = Path(os.environ.get("ASTER_DATA", ROOT.parent / "shared" / "data"))
    if not folder.is_dir():
        pytest.skip("recorded market data is absent: set ASTER_DATA to its folder")
    return folder


@pytest.fixture(autouse=True)
def own_places() -> Iterator[None]:
    """Take back what a verb in this process tells those it starts of where things are kept."""
    before = os.environ.get(PLACES)
    yield
    os.environ.pop(PLACES, None)
    if before is not None:
        os.environ[PLACES] = before


@pytest.fixture
def a_terminal() -> Iterator[None]:
    """Have a lost terminal and Ctrl-C end a process, here and in what is started.

    Under nohup, and where a shell put the tests into the background, both are ignored.
    """
    hung_up = signal.signal(signal.SIGHUP, signal.SIG_DFL)
    interrupted = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, interrupted)
    signal.signal(signal.SIGHUP, hung_up)


@pytest.fixture(scope="session")
def ray_node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Start one local Ray node for the whole test session.

    Its processes look for failpoints in the folder that is returned, one plan a session.
    """
    from actors.launch import local_ray
    from aster_ray.engine.failpoints import VARIABLE

    plans = tmp_path_factory.mktemp("failpoints")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(VARIABLE, str(plans))
        with local_ray():
            yield plans
