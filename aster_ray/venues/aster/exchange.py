"""ccxt's client of Aster, with what it gets wrong put right.

* It adds a fee of its own to every order unless told not to; here no request can carry one.
* It signs slowly, with nonces that repeat, and only for the key's own wallet; ``Signer`` does not.
* It calls the spot side, for the contract rules too.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import ccxt
import ccxt.pro

from aster_ray.errors import BadInputError
from aster_ray.venues.aster.signer import Signer
from aster_ray.venues.ccxt_venue.wire import wired
from aster_ray.venues.config import TEST_CHAIN, VenueConfig

REST, STREAM = "https://fapi.asterdex.com", "wss://fstream.asterdex.com"
TEST_REST, TEST_STREAM = (
    "https://fapi.asterdex-testnet.com",
    "wss://fstream5.asterdex-testnet.com",
)
# Whatever a fee for a builder is made of, in a request's path or parameters.
_FORBIDDEN = ("builder", "feerate")


class AsterExchange(wired(ccxt.pro.aster)):  # type: ignore[misc]
    """ccxt's client of Aster's perpetuals.

    Made by ``open_exchange``; ``signer`` is None for a client that only reads what is public.
    """

    signer: Signer | None = None

    def sign(
        self, path: str, api: Any = "public", method: str = "GET", params: Any = None
    ) -> dict[str, Any]:
        """Return url, method, body and headers of a request.

        Raises:
            BadInputError: it would pay somebody a fee for having been sent.
        """
        wanted = {} if params is None else params
        refuse_builders(path, wanted)
        if self.options.get("builderFee") is not False:
            raise BadInputError("ccxt's builder fee was switched on: no request leaves with it")
        kind = api if isinstance(api, str) else api[0]
        if kind not in ("fapiPrivate", "sapiPrivate"):
            public: dict[str, Any] = super().sign(path, api, method, wanted)
            return public
        if self.signer is None:
            raise ccxt.AuthenticationError("no key was given: set ASTER_WALLET and ASTER_AGENT_KEY")
        url = f"{self.urls['api'][kind]}/{path}"
        query = self.signer.signed({name: _text(value) for name, value in wanted.items()})
        if method == "GET":
            return {"url": f"{url}?{query}", "method": method, "body": None, "headers": None}
        form = {"Content-Type": "application/x-www-form-urlencoded"}
        return {"url": url, "method": method, "body": query, "headers": form}

    async def fetch_currencies(self, _params: Any = None) -> dict[str, Any]:
        """Return nothing: ccxt would ask the spot side for them, which must not stop us."""
        return {}

    async def fetch_markets(self, params: Any = None) -> list[Any]:
        """Return the perpetuals; ccxt would ask the spot side as well."""
        answer = await self.fapiPublicGetV3ExchangeInfo(params or {})
        rows = [
            row
            for row in answer["symbols"]
            if row.get("contractType") == "PERPETUAL" and row.get("baseAsset")
        ]
        found: list[Any] = self.parse_markets(rows)
        return found

    async def leverage_tiers(self) -> dict[str, list[dict[str, Any]]]:
        """Return margin tables by symbol, which ccxt reads but does not show."""
        await self.load_markets()
        rows = await self.fapiPrivateGetV3LeverageBracket()
        return {
            self.safe_symbol(row["symbol"], None, None, "swap"): [
                {
                    "minNotional": step["notionalFloor"],
                    "maintenanceMarginRate": step["maintMarginRatio"],
                    "maxLeverage": step["initialLeverage"],
                }
                for step in row["brackets"]
            ]
            for row in rows
        }


def _text(value: Any) -> Any:
    """Return a parameter as the venue spells it."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return json.dumps(value, separators=(",", ":")) if isinstance(value, list | dict) else value


def refuse_builders(path: str, params: Mapping[str, Any]) -> None:
    """Raise if a request would pay somebody else a fee, or allow it.

    Raises:
        BadInputError: it would; nothing was sent.
    """
    read = f"{path} {json.dumps(params, default=str)}".lower()
    for word in _FORBIDDEN:
        if word in read:
            raise BadInputError(f"a request to {path} holds {word!r}: no builder fee is ever paid")


def socket_address(config: VenueConfig) -> str:
    """Return where the venue's sockets are."""
    return config.stream or (TEST_STREAM if config.chain == TEST_CHAIN else STREAM)


def open_exchange(config: VenueConfig, signer: Signer | None) -> AsterExchange:
    """Return a client; its ``wire`` is still to be set."""
    rest = config.rest or (TEST_REST if config.chain == TEST_CHAIN else REST)
    urls = dict.fromkeys(("fapiPublic", "fapiPrivate"), f"{rest}/fapi")
    exchange = AsterExchange(
        {
            "enableRateLimit": False,  # ours counts weights and knows priorities
            "timeout": int(config.timeout_s * 1000),
            # ccxt waits a while for TLS to say goodbye.
            "timeout_on_exit": 0 if rest.startswith("http:") else 250,
            "options": {
                "defaultType": "swap",
                "builderFee": False,
                "fetchOpenOrders": {"warnIfNoSymbol": False},
                "v3ChainId": config.chain,
            },
            "urls": {"api": urls},
        }
    )
    exchange.signer = signer
    return exchange
