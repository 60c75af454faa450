"""``aster help live``: the guide is the docstring below."""

from __future__ import annotations


def live() -> None:
    """Trade real money: what is demanded, what happens, how it ends.

    Tested against our own simulator only, faults and all; it has never traded at the real venue.
    Begin with little, and with --dry.

      aster doctor --symbols BTC,ETH
      aster live --symbols BTC,ETH --capital 500 --dry
      aster live --symbols BTC,ETH --capital 500 --confirm 0xWALLET

    It refuses, with exit code 2 and before anything is written or sent, unless: --confirm is the
    address of the account whose keys are at hand; ASTER_AGENT_KEY is an agent's that may trade
    perpetuals and cannot withdraw, and not the wallet's own; aster doctor passed within
    doctor.fresh_hours on that account, address, symbols, leverage and margin mode; no other process
    has the account's lease (a file below ~/.local/state/aster-ray, or Redis where [redis] url is
    set); and the account itself, asked again, has session.capital of equity, one-way mode, no
    builder. Then the margin mode of every symbol is set to doctor.margin, its leverage to what
    risk.leverage names (others keep theirs), and both are looked at again.

    Bars come as they close (aster help feed), orders go through the real client; every position has
    one reduce-only stop resting at the venue. Sizes follow session.capital and what the session has
    won or lost, not the account's balance. A market order decided on a close older than
    venue.late_s is not sent: after an outage closes come all at once.
    --dry asks everything and sends nothing that changes an order or a setting: each order that
    would have been sent is a line in logs/executor.log and a refusal in venue.journal. Nothing ever
    fills, so it shows what would be done by an account as it is now. It needs no --confirm and no
    lease.

    aster status shows the account, too; pause, reduce (the same), halt (closes all at the next
    close) and resume work as on paper. aster flatten --yes has a session that runs close everything
    at once and halt; without one that answers it does so itself, and names one on another machine
    that has the account's lease in Redis and may go on trading.
    Ctrl-C or aster stop finishes the close under way, withdraws every limit, leaves the stops, says
    what is left, and ends. aster live --resume runs/live-1 --confirm 0xWALLET goes on under a new
    epoch, after the same demands; closes missed meanwhile are fetched, not traded on.
    If keys or clock are refused while it runs, nothing is sent, stops rest on, status says so.

    Orders and positions that nobody here placed: [venue] external = "leave" (usual) does not touch
    them, names them in status and report, and trades nothing on the symbol of such a position; it
    does not count in the session's limits. "adopt" withdraws the orders and takes the positions
    over at the mark price, at the beginning or at the next close, with a stop
    risk.max_position_risk of the price away and the holding limit from then on; a stop that others
    placed goes only after that. What somebody else closed of ours is closed for us, too.

    A session whose journals are gone, some or all, does not go on: what was sent by them cannot be
    known, so nothing is sent, and the message names what is missing. Its stops rest at the venue.
    Restore the files from a copy, or begin a new session with --set venue.external=adopt: it takes
    over what is held and withdraws what the lost one left. Its orders have ids of their own.
    """
