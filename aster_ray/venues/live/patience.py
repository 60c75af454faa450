"""How long whoever talks to a venue waits for what."""

from __future__ import annotations

import math
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """How long to wait for what, in seconds.

    Attributes:
        first_s, longest_s: pause after the first failure; it doubles up to the longest.
        absent_s: an order the venue has never heard of this long after it was sent will not arrive
            any more: its nonce is too old by then.
        market_s: a market order not sent by then is dropped; the next close decides anew.
        late_s: a market order decided on a close older than this is dropped, however new it is to
            us: after an outage of the feed its closes come all at once.
        compare_s: time between two comparisons of the whole account.
        reach: fraction of the last price, not seconds: limits further away wait for it to come
            nearer, because venues refuse them (Aster: beyond 2 % of the mark price).
    """

    first_s: float = 0.2
    longest_s: float = 5.0
    absent_s: float = 65.0
    market_s: float = 30.0
    late_s: float = math.inf
    compare_s: float = 30.0
    reach: float = 0.018
