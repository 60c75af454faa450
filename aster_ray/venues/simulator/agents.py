"""Agents: keys that sign for an account, as the venue lists them and as tests make them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from typing import Any

from aster_ray.errors import BadInputError
from aster_ray.venues.simulator.account import Agent
from aster_ray.venues.simulator.floor import Payload

# As the venue spells them -> as an ``Agent`` does; all but the list of addresses.
_WORDS = {
    "name": "name",
    "agentName": "name",
    "expired": "ends_ms",
    "source": "source",
    "canRead": "can_read",
    "canSpotTrade": "can_trade_spot",
    "canPerpTrade": "can_trade_perps",
    "canWithdraw": "can_withdraw",
}
_OTHERS = ("user", "agent", "approved", "ipWhitelist")


def read_agent(address: str, state: Mapping[str, Any]) -> Agent:
    """Return an agent from its description in the venue's words.

    Raises:
        BadInputError: a field is unknown or of the wrong type.
    """
    unknown = state.keys() - _WORDS.keys() - set(_OTHERS)
    if unknown:
        raise BadInputError(f"unknown field {', '.join(sorted(unknown))}")
    usual = Agent(address=address)
    kinds = {item.name: type(getattr(usual, item.name)) for item in fields(Agent)}
    given: dict[str, Any] = {}
    for word, name in _WORDS.items():
        if word in state:
            value, kind = state[word], kinds[name]
            if type(value) is not kind:
                raise BadInputError(f"{word} must be {kind.__name__}, was {value!r}")
            given[name] = value
    listed = str(state.get("ipWhitelist", ""))
    addresses = tuple(part.strip() for part in listed.split(",") if part.strip())
    return Agent(address=address, addresses=addresses, **given)


def agent_row(agent: Agent) -> Payload:
    """Return an agent as REST shows it."""
    return {
        "agentAddress": agent.address,
        "agentName": agent.name,
        "ipWhitelist": ",".join(agent.addresses),
        "expired": agent.ends_ms,
        "source": agent.source,
        "canRead": agent.can_read,
        "canSpotTrade": agent.can_trade_spot,
        "canPerpTrade": agent.can_trade_perps,
        "canWithdraw": agent.can_withdraw,
    }
