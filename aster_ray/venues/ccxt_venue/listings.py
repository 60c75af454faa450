"""The perpetuals of a venue, by our name and by ccxt's."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from typing import Any

from aster_ray.errors import BadInputError
from aster_ray.model.instrument import Instrument
from aster_ray.venues.ccxt_venue.gateway import Gateway
from aster_ray.venues.ccxt_venue.rules import instrument, is_traded, names


class Listings:
    """Loads the venue's contracts once, when they are first needed.

    Args:
        gateway: where they are asked for.
    """

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway
        self._markets: dict[str, Mapping[str, Any]] = {}
        self._names: dict[str, str] = {}
        self._rules: dict[str, Instrument] = {}

    async def load(self) -> Mapping[str, Mapping[str, Any]]:
        """Return ccxt's markets by venue id."""
        if not self._markets:
            found = await self._gateway.ask("contract rules", self._gateway.exchange.load_markets)
            traded = [market for market in found.values() if is_traded(market)]
            self._names = {market["symbol"]: _venue_id(market) for market in traded}
            self._markets = {_venue_id(market): market for market in traded}
        return self._markets

    async def market(self, symbol: str) -> Mapping[str, Any]:
        """Return ccxt's market of a venue id.

        Raises:
            BadInputError: the venue has no such perpetual.
        """
        markets = await self.load()
        found = markets.get(symbol)
        if found is None:
            close = difflib.get_close_matches(symbol, list(markets), n=1)
            hint = f"; did you mean {close[0]}?" if close else ""
            raise BadInputError(
                f"{self._gateway.name} trades no perpetual {symbol!r} ({len(markets)} others){hint}"
            )
        return found

    def venue_id(self, unified: str) -> str | None:
        """Return our name of ccxt's symbol; None for what is no perpetual of ours."""
        return self._names.get(unified)

    async def rules(self, symbol: str) -> Instrument:
        """Return what orders of a contract must look like; its margin table may be assumed."""
        found = self._rules.get(symbol)
        if found is None:
            market = await self.market(symbol)
            mode = self._gateway.exchange.precisionMode
            found = instrument(market, mode, {}, self._gateway.name, "")
            if found is None:
                raise BadInputError(f"{self._gateway.name} does not say tick and lot of {symbol}")
            self._rules[symbol] = found
        return found


def _venue_id(market: Mapping[str, Any]) -> str:
    return "".join(names(market))
