"""What ``aster live`` granted a session: whose account it may trade, and whether really.

It stands in session.json, so that every process of the session, and every later life of it, knows;
nothing but the examinations of ``aster live`` writes one. Without it a session's orders go to a
simulator on this machine or nowhere.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from aster_ray.errors import BadInputError


@dataclass(frozen=True, slots=True, kw_only=True)
class Mandate:
    """The grant.

    Attributes:
        venue: name of the venue.
        address: where it is reached.
        wallet: whose account.
        signer: whose key signs for it.
        dry: nothing is sent; what would have been is written down.
        granted_ms: when, by our clock.
        examined_ms: when the account last passed ``aster doctor``.
    """

    venue: str
    address: str
    wallet: str
    signer: str
    dry: bool
    granted_ms: int
    examined_ms: int

    def plain(self) -> dict[str, Any]:
        """Return JSON-ready values; there is no secret among them."""
        return asdict(self)

    def require(self, wallet: str, signer: str) -> None:
        """Return only if the keys at hand are those it was granted for.

        Raises:
            BadInputError: they are another account's.
        """
        if (wallet, signer) != (self.wallet, self.signer):
            raise BadInputError(
                f"the session may trade account {self.wallet} by agent {self.signer}, but the keys "
                f"are of {wallet} by {signer}: set ASTER_WALLET and ASTER_AGENT_KEY as they were"
            )


def read_mandate(content: Mapping[str, Any] | None) -> Mandate | None:
    """Return what ``plain`` was made of; None where there is none.

    Raises:
        TypeError: a field is missing or unknown.
    """
    return None if content is None else Mandate(**content)
