"""What an actor loads before it can trade again after a death."""

from __future__ import annotations

import subprocess
import sys


def test_an_actor_loads_no_database_and_no_exchange() -> None:
    code = """
import sys, actors.risk
from pathlib import Path
from aster_ray.store.journals import Place, open_journals
open_journals(Path(), Place()).writer("risk.journal")
print(*sys.modules)
"""
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=120, check=True
    )
    assert not {"sqlalchemy", "alembic", "ccxt", "aiohttp", "torch"} & set(done.stdout.split())
