"""The table of REST endpoints: what answers a path, what it weighs, who may ask."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from aster_ray.venues.simulator.account import Account
from aster_ray.venues.simulator.desk import Desk
from aster_ray.venues.simulator.intake import need
from aster_ray.venues.simulator.listing import Listing

Params = Mapping[str, str]
Weigh = Callable[[Params], int]


@dataclass(frozen=True, slots=True)
class Call:
    """One request on its way to its endpoint; ``owner`` is None for a public one."""

    desk: Desk
    params: Params
    owner: Account | None = None

    @property
    def account(self) -> Account:
        """Return whose request it is; only signed endpoints may ask."""
        if self.owner is None:
            raise ValueError("a public endpoint has no account")
        return self.owner

    @property
    def now_ms(self) -> int:
        """Return the exchange's time."""
        return self.desk.exchange.floor.now_ms

    def listing(self) -> Listing:
        """Return the contract the mandatory ``symbol`` names."""
        return self.desk.exchange.floor.listing(need(self.params, "symbol"))

    def listings(self) -> list[Listing]:
        """Return the contract ``symbol`` names, or all without one."""
        if self.params.get("symbol"):
            return [self.listing()]
        return list(self.desk.exchange.floor.listings.values())


@dataclass(frozen=True, slots=True)
class Endpoint:
    """What answers a method and path."""

    answer: Callable[[Call], Any]
    weigh: Weigh
    signed: bool


Table = dict[tuple[str, str], Endpoint]
Answer = Callable[[Call], Any]


def endpoint(
    table: Table, route: str, weight: int | Weigh = 1, *, signed: bool = False
) -> Callable[[Answer], Answer]:
    """Enter a function into a table; ``route`` is method and path, ``GET /fapi/v3/ping``."""
    method, path = route.split(" ")
    weigh = weight if callable(weight) else (lambda _params: weight)

    def enter(answer: Answer) -> Answer:
        table[method, path] = Endpoint(answer, weigh, signed)
        return answer

    return enter


def one_or_all(one: int, every: int) -> Weigh:
    """Return the weight of questions that cost more without a symbol."""
    return lambda params: one if params.get("symbol") else every
