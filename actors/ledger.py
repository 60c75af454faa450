"""LedgerActor: the read model of the session, for whoever looks at it."""

from __future__ import annotations

import asyncio
from typing import Any

from actors.options import TIMES
from actors.shell import Shell
from aster_ray import topology
from aster_ray.research.ledger import JournalTail, Ledger
from aster_ray.research.session import EXECUTOR_JOURNAL, RISK_JOURNAL


class LedgerActor(Shell):
    """Follow both journals; after a restart it reads them from the start."""

    role = topology.LEDGER

    def open(self) -> None:
        """Load what gives numbers their names."""
        prepared = self.session.prepare()
        self._closes = JournalTail(self.session.journal(RISK_JOURNAL))
        self._sent = JournalTail(self.session.journal(EXECUTOR_JOURNAL))
        self._ledger = Ledger(
            prepared.market.symbols,
            prepared.sleeves,
            prepared.setup.rules["lot"],
            prepared.capital,
        )

    async def work(self) -> None:
        """Look at the journals a few times a second."""
        while True:
            self._catch_up()
            await asyncio.sleep(TIMES.tail)

    def _catch_up(self) -> None:
        for record in self._closes.new_records():
            self._ledger.add_close(record)
        for record in self._sent.new_records():
            self._ledger.add_sent(record)

    async def snapshot(self) -> dict[str, Any]:
        """Return what is to be shown now."""
        await self.ready.wait()
        self._catch_up()
        return self._ledger.snapshot()
