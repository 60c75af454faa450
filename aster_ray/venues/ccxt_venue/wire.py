"""Every request of a ccxt client, on its way out and back: turnstile, weights, what was answered.

ccxt's exceptions do not say with which HTTP status an answer came, nor whether anything was sent
at all; what the caller must do next depends on both, so they are noted here, per call.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

import ccxt

from aster_ray.venues.ccxt_venue.budget import Priority
from aster_ray.venues.ccxt_venue.turnstile import Turnstile

Weigh = Callable[[str, str, Mapping[str, Any]], int]
# Where the venue does not say for how long it wants to hear nothing.
_PAUSE_MS = {429: 10_000.0, 418: 120_000.0, 403: 30_000.0}
_WEIGHT_HEADERS = ("x-mbx-used-weight-1m",)
_ORDER_HEADERS = ("x-mbx-order-count-1m",)


@dataclass(slots=True)
class Trace:
    """What became of the last request of one call.

    Attributes:
        priority: of every request of the call.
        orders: new orders it sends.
        sent: whether anything left.
        status: HTTP status of the answer; None if none arrived whole.
        code: the venue's own error code, empty without one.
        text: what the venue said about it.
        retry_after_ms: when to come back, if the venue said.
    """

    priority: Priority = Priority.POLL
    orders: int = 0
    sent: bool = False
    status: int | None = None
    code: str = ""
    text: str = ""
    retry_after_ms: int | None = None

    def begin(self) -> None:
        """Forget the answer to the request before."""
        self.sent = True
        self.status, self.code, self.text, self.retry_after_ms = None, "", "", None


TRACE: ContextVar[Trace | None] = ContextVar("venue_call", default=None)


def weigh_one(_method: str, _path: str, _params: Mapping[str, Any]) -> int:
    """Return 1: nothing is known of the venue's weights."""
    return 1


class Wire:
    """Counts what a ccxt client sends and notes what it hears.

    Args:
        turnstile: where requests wait.
        weigh: method, path and parameters -> request weight.
    """

    def __init__(self, turnstile: Turnstile, weigh: Weigh = weigh_one) -> None:
        self._turnstile = turnstile
        self._weigh = weigh

    async def enter(self, method: str, path: str, params: Mapping[str, Any]) -> None:
        """Wait for the turn of a request.

        Raises:
            RetryableError: its turn comes too late.
        """
        trace = TRACE.get() or Trace()
        weight = self._weigh(method, path, params)
        await self._turnstile.enter(weight, trace.priority, trace.orders)

    def heard(self, status: int, headers: Mapping[str, str], answer: object) -> None:
        """Note an answer, error or not."""
        lower = {name.lower(): value for name, value in headers.items()}
        weight, orders = _number(lower, _WEIGHT_HEADERS), _number(lower, _ORDER_HEADERS)
        self._turnstile.heard(weight, orders)
        pause = _number(lower, ("retry-after",))
        # A firewall's 403 is a page; the venue's own, about permissions, has a code.
        if status in _PAUSE_MS and not (status == 403 and _said(answer)[0]):
            wait = _PAUSE_MS[status] if pause is None else pause * 1000.0
            self._turnstile.refused(wait, banned=status == 418)
            pause = wait / 1000.0
        trace = TRACE.get()
        if trace is not None:
            trace.status = status
            trace.retry_after_ms = None if pause is None else int(pause * 1000.0)
            trace.code, trace.text = _said(answer)


def _number(headers: Mapping[str, str], names: tuple[str, ...]) -> float | None:
    for name in names:
        try:
            return float(headers[name])
        except (KeyError, ValueError):
            continue
    return None


def _said(answer: object) -> tuple[str, str]:
    """Return code and text of an error in the words of Binance's, Bybit's or OKX's family."""
    if not isinstance(answer, Mapping):
        return "", ""
    for code, text in (("code", "msg"), ("retCode", "retMsg"), ("sCode", "sMsg")):
        value = str(answer.get(code, ""))
        if value not in ("", "0", "200", "00000"):
            return value, str(answer.get(text, ""))
    return "", ""


def wired(kind: type[Any]) -> type[Any]:
    """Return a ccxt class whose requests pass through its ``wire``, which its maker sets."""

    class Wired(kind):  # type: ignore[misc]
        """A client of ccxt that is counted and listened to."""

        wire: Wire

        def open(self, lazy: bool = False) -> None:
            """Open the connections; none of them sends a request a second time by itself."""
            super().open(lazy)
            if self.session is not None:
                # aiohttp would send a signed DELETE again, whose nonce the venue has seen.
                self.session._retry_connection = False

        async def fetch2(
            self,
            path: str,
            api: Any = "public",
            method: str = "GET",
            params: Any = None,
            config: Any = None,
        ) -> Any:
            """Send a request in its turn."""
            wanted = {} if params is None else params
            await self.wire.enter(method, path, wanted)
            return await super().fetch2(path, api, method, wanted, config or {})

        async def fetch(
            self, url: str, method: str = "GET", headers: Any = None, body: Any = None
        ) -> Any:
            """Note that a request leaves, and take nothing but JSON for an answer."""
            trace = TRACE.get()
            if trace is not None:
                trace.begin()
            answer = await super().fetch(url, method, headers, body)
            if not isinstance(answer, dict | list):
                # A gateway's page with status 200: ccxt would read it as "nothing found".
                raise ccxt.BadResponse(f"{self.id}: the answer is not JSON")
            return answer

        def handle_errors(self, *answer: Any) -> Any:
            status, headers, parsed = answer[0], answer[4], answer[6]
            self.wire.heard(status, headers, parsed)
            return super().handle_errors(*answer)

    return Wired
