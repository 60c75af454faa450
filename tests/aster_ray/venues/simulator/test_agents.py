from __future__ import annotations

from typing import Any

import ccxt
import pytest

from aster_ray.errors import BadInputError
from aster_ray.venues.simulator.agents import agent_row, read_agent
from tests.aster_ray.venues.simulator.served import BTC, KEY, WALLET, Venue
from tests.aster_ray.venues.simulator.test_streams import play

AGENT_KEY = "0x" + "22" * 32
AGENT = "0x1563915e194d8cfba1943570603f7606a3115508"
WORDS = {"name": "bot", "expired": 5, "ipWhitelist": "1.2.3.4, ::1", "canWithdraw": True}


def test_an_agent_is_shown_as_it_was_described() -> None:
    row = agent_row(read_agent(AGENT, {"user": WALLET, "agent": AGENT, **WORDS}))
    assert row == {
        "agentAddress": AGENT,
        "agentName": "bot",
        "ipWhitelist": "1.2.3.4,::1",
        "expired": 5,
        "source": "api",
        "canRead": True,
        "canSpotTrade": False,
        "canPerpTrade": True,
        "canWithdraw": True,
    }


@pytest.mark.parametrize(
    ("state", "words"),
    [
        ({"canFly": True}, "unknown field canFly"),
        ({"expired": "soon"}, "expired must be int"),
        ({"expired": True}, "expired must be int"),
        ({"canWithdraw": 1}, "canWithdraw must be bool"),
    ],
)
def test_what_no_agent_can_be_is_refused(state: dict[str, Any], words: str) -> None:
    with pytest.raises(BadInputError, match=words):
        read_agent(AGENT, state)


def test_an_agent_is_listed_trades_as_it_may_and_not_once_it_is_over() -> None:
    async def scenario(venue: Venue, _client: Any) -> None:
        from ccxt import Exchange

        agent = venue.client(
            AGENT_KEY,
            cachedWalletAddress=WALLET,
            signerAddress=AGENT,
            privateKeyHashForCachedWalletAddress=Exchange.hash(AGENT_KEY.encode(), "keccak", "hex"),
        )
        described = {"user": WALLET, "agent": AGENT}
        try:
            await agent.load_markets()
            for words in ({"expired": 1}, {"canPerpTrade": False}, {"ipWhitelist": "10.9.9.9"}):
                assert await venue.control("POST", "agents", {**described, **words}) == {
                    "done": True
                }
                with pytest.raises(ccxt.AuthenticationError, match="-2015"):
                    await agent.create_order(BTC, "market", "buy", 0.01)
            await venue.control("POST", "agents", {**described, "name": "bot"})
            sent = await agent.create_order(BTC, "market", "buy", 0.01)
            assert sent["id"]
            (row,) = await agent.request("v3/agent", ["fapiPrivate"])
            assert (row["agentAddress"], row["canWithdraw"]) == (AGENT, False)
            assert "canFly" in str(
                await venue.control("POST", "agents", {**described, "canFly": 1})
            )
        finally:
            await agent.close()

    play(scenario)
    assert KEY != AGENT_KEY
