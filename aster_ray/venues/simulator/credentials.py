"""Whether a signed request may act for an account: signature, agent, nonce."""

from __future__ import annotations

import heapq
from collections.abc import Callable
from dataclasses import dataclass, field
from urllib.parse import parse_qsl

from aster_ray.venues.simulator.account import Account
from aster_ray.venues.simulator.exchange import Exchange
from aster_ray.venues.simulator.refusals import Reason, RefusedError
from aster_ray.venues.simulator.signature import SignatureCheck

NONCES_KEPT = 100
NONCE_WINDOW_MS = 10_000
_APPROVE_BUILDER = "/approveBuilder"
# What may only be sent by the wallet itself, never by an agent.
_WALLET_ONLY = (_APPROVE_BUILDER,)
_READ_ONLY = ("/listenKey", "/noop")


def read_params(raw: str) -> dict[str, str]:
    """Return a query string or form body as parameters."""
    return dict(parse_qsl(raw, keep_blank_values=True))


def split_signature(raw: str) -> tuple[str, str]:
    """Return what was signed, byte for byte, and the signature, empty if there is none."""
    parts = raw.split("&")
    signed = [part for part in parts if not part.startswith("signature=")]
    found = [part for part in parts if part.startswith("signature=")]
    return "&".join(signed), found[0].removeprefix("signature=") if found else ""


@dataclass(slots=True)
class _Seen:
    """The newest nonces of one signer: a set to look in and a heap to forget from."""

    numbers: set[int] = field(default_factory=set)
    order: list[int] = field(default_factory=list)


class Credentials:
    """Lets signed requests in.

    Args:
        exchange: whose accounts; a wallet that signs for itself gets one at first sight.
        now_ms: the wall clock, which nonces are held against.
        window_ms: how far a nonce may be from it.
        check: recovers signers.
    """

    def __init__(
        self,
        exchange: Exchange,
        now_ms: Callable[[], int],
        *,
        window_ms: int = NONCE_WINDOW_MS,
        check: SignatureCheck | None = None,
    ) -> None:
        self._exchange = exchange
        self._now_ms = now_ms
        self._window_ms = window_ms
        self._check = check or SignatureCheck()
        self._seen: dict[str, _Seen] = {}

    def size(self) -> int:
        """Return how many nonces are remembered."""
        return sum(len(seen.order) for seen in self._seen.values())

    def admit(
        self, path: str, raw: str, method: str = "POST", from_address: str = ""
    ) -> tuple[Account, dict[str, str]]:
        """Return whose request this is, and its parameters.

        An agent needs to be approved for what it asks: to read for a GET and for the key of the
        user stream, to trade perpetuals for everything else.

        Raises:
            RefusedError: the signature, the signer or the nonce is not good.
        """
        message, signature = split_signature(raw)
        params = read_params(message)
        for name, value in (("signature", signature), ("nonce", params.get("nonce", ""))):
            if not value:
                raise RefusedError(Reason.MISSING, name)
        user = params.get("user", "").lower()
        if not user:
            raise RefusedError(Reason.MISSING, "user")
        claimed = params.get("signer", user).lower()
        if path.endswith(_APPROVE_BUILDER):
            found = self._check.builder_approver(params, signature)
        else:
            found = self._check.signer(message, signature)
        if found is None or found != claimed:
            raise RefusedError(Reason.BAD_SIGNATURE)
        known = self._exchange.floor.users.get(user)
        if claimed != user:
            agent = known.agents.get(claimed) if known is not None else None
            act = method != "GET" and not path.endswith(_READ_ONLY)
            if (
                agent is None
                or path.endswith(_WALLET_ONLY)
                or not agent.may(act=act, from_address=from_address, now_ms=self._now_ms())
            ):
                raise RefusedError(Reason.NO_PERMISSION)
        self._spend(claimed, params["nonce"])
        return self._exchange.account(user), params

    def _spend(self, signer: str, text: str) -> None:
        """Use up a nonce: microseconds, near to now, never used before."""
        if not text.isdecimal():
            raise RefusedError(Reason.MISSING, "nonce")
        nonce = int(text)
        seen = self._seen.setdefault(signer, _Seen())
        late = abs(nonce // 1000 - self._now_ms()) > self._window_ms
        full = len(seen.order) >= NONCES_KEPT
        if late or nonce in seen.numbers or (full and nonce < seen.order[0]):
            raise RefusedError(Reason.NONCE_EXPIRED)
        seen.numbers.add(nonce)
        heapq.heappush(seen.order, nonce)
        if full:
            seen.numbers.discard(heapq.heappop(seen.order))
