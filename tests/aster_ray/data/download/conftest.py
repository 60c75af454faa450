from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from aster_ray.clock import ReplayClock
from aster_ray.data.download.pages import Patience
from aster_ray.data.download.report import DownloadReport
from aster_ray.data.download.request import DownloadRequest
from aster_ray.data.download.run import download
from aster_ray.engine.ports import MarketClient

Fetch = Callable[..., DownloadReport]
QUICK = Patience(attempts=3, first_s=0.001, longest_s=0.002)


@pytest.fixture
def fetch(tmp_path: Path) -> Fetch:
    """Return a function that downloads from a client into the test's catalog, at a fixed time."""

    def run(client: MarketClient, catalog: str = "catalog", **how: Any) -> DownloadReport:
        wanted: dict[str, Any] = {"symbols": ("BTC",), "start": "2024-01-30", **how}
        request = DownloadRequest(catalog=tmp_path / catalog, **wanted)
        clock, silent = ReplayClock(1_710_000_000_000), lambda _done, _total: None
        return asyncio.run(download(client, request, clock, silent, QUICK))

    return run
