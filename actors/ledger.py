"""LedgerActor: the read model of the session, for whoever looks at it."""

from __future__ import annotations

import asyncio
import os
from typing import Any

from actors.chronicler import keep_history, publish_live
from actors.options import TIMES
from actors.shell import Shell
from aster_ray import topology
from aster_ray.engine.failpoints import BEFORE_SEND
from aster_ray.research.drift_file import read_drift
from aster_ray.research.history import history_key
from aster_ray.research.view import SessionView
from aster_ray.store.config import places_from_environment
from aster_ray.store.custody import account_snapshot


class LedgerActor(Shell):
    """Follow both journals; after a restart it reads them from the start."""

    role = topology.LEDGER

    def open(self) -> None:
        """Load what gives numbers their names."""
        prepared = self.session.prepare()
        names = [strategy.name for strategy, _ in prepared.strategies]
        lots = prepared.setup.rules["lot"]
        self._view = SessionView(self.session, prepared.market.symbols, names, lots)
        self._view.catch_up()

    async def work(self) -> None:
        """Look at the journals a few times a second, and keep the history beside it."""
        session, places = self.session, places_from_environment(os.environ)
        if places.store.history:
            self.attend(keep_history(session, places.store))
        live = account_snapshot(places, history_key(session), session.folder)
        self.attend(publish_live(live, self._shown))
        while True:
            self._view.catch_up()
            await asyncio.sleep(TIMES.tail)

    def _shown(self) -> dict[str, Any]:
        """Return what onlookers find: the account, and what a twin of it wrote last."""
        return {**self._view.snapshot(), "drift": read_drift(self.session.folder)}

    async def snapshot(self) -> dict[str, Any]:
        """Return what is to be shown now."""
        await self.ready.wait()
        self._view.catch_up()
        shown = self._view.snapshot()
        self.reached(BEFORE_SEND, shown["closes"] - 1)
        return shown
