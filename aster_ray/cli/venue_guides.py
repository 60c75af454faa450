"""``aster help simulator``, ``venues`` and ``feed``: the guides are the docstrings below."""

from __future__ import annotations


def simulator() -> None:
    """An exchange on this machine, and how the real client trades with it.

    aster simulator --speed 60 serves Aster's futures API v3: a minute of the market a second.
    ccxt connects when its addresses are changed, nothing else; any private key opens an account:

      ccxt.pro.aster({"privateKey": KEY, "options": {"defaultType": "swap", "builderFee": False},
        "urls": {"api": {"fapiPublic": H + "/fapi", "fapiPrivate": H + "/fapi",
                         "sapiPublic": H + "/api", "sapiPrivate": H + "/api",
                         "ws": {"public": {"swap": W + "/fstream/stream"},
                                "private": {"swap": W + "/fstream/ws"}}}}})

    with H = http://127.0.0.1:18080 and W = ws://127.0.0.1:18080. Bars come from the built-in
    market or, with --replay DIR, from recorded 1m bars. Orders meet a book with price-time
    priority; without orders the exchange prints the recorded bars exactly.
    With --pace stepped time stands still until POST {"bars": 1, "timeframe": "1h"} (or
    {"until_ms": T}) to /control/advance moves it; the answer comes when everything up to then has
    happened and was sent, and the same requests between the same moves give the same fills.
    The control endpoint, /control, breaks requests and sockets on purpose and shows an account's
    books: POST {"kind": "lost_ack", "path": "/order", "method": "POST"} to /control/faults.

    aster paper does all of it by itself: the built-in market (or, with --simulator, that of --data,
    which must hold 1m bars) is played by a simulator whose time stands still, orders go there
    through the real client, close by close, and the report says whether our books and the
    exchange's ledger agree; if not, it ends with 1. Without --from and --to it trades six weeks of
    the built-in market, 1,080 closes. --plain, or [session] orders = "paper", matches orders
    against the bars themselves, which is faster and equals aster backtest. One reduce-only stop a
    symbol protects all that is held, at the nearest stop of the sleeves on its side: where several
    strategies hold one symbol, results differ from a replay, which stops each by itself.
    The exchange ends with the session. If it dies first, nothing is sent any more, the session ends
    with 1 and says so; logs/exchange.out holds its last words.
    """


def venues() -> None:
    """Venues, their keys, and what happens when they fail.

    [venue] names it (aster; binanceusdm, bybit; any other of ccxt for reading), `rest` and `stream`
    give other addresses. Keys come from the environment: ASTER_WALLET and the key of an agent that
    cannot withdraw, ASTER_AGENT_KEY; elsewhere BYBIT_API_KEY, BYBIT_SECRET.
    Requests share a budget: cancels and protection, then orders, then polls.
    A lost answer is neither success nor failure: the order is looked for by its id before anything
    is sent again. A stream that was cut or fell silent is made anew, then what it missed is asked.
    aster flatten shows what the account has; with --yes it withdraws and closes all of it, whether
    anything of ours runs or not. It ends with 0 only if the venue says that nothing is left.
    """


def feed() -> None:
    """Bars as they close: a session on a venue that is awake.

    aster paper --set session.feed=live --symbols BTC,ETH --timeframe 1m trades on paper what
    happens at the venue of [venue]; add --set session.closes=60 to end after so many closes, or end
    it with Ctrl-C or aster stop. It begins now: --from and --to have no meaning, and the warm-up is
    asked of the venue. On this machine, with aster simulator --speed 60 running beside it:

      aster paper --set session.feed=live --set venue.rest=http://127.0.0.1:18080
        --set venue.stream=ws://127.0.0.1:18080 --symbols BTC,ETH --timeframe 1m

    The stream of one-minute bars tells that a bar has closed; REST has the last word on what was in
    it: equal to the stream within a tick, or said twice alike. A close comes once, in order, with
    all symbols, and is in feed.journal before anybody sees it. A symbol whose bar is not confirmed
    within feed.deadline_s has none in that close, and the log names it; funding that settles
    meanwhile is paid by its next bar. With nobody to ask, closes wait, and all come afterwards.
    [feed] backup = "binanceusdm" stands in after 15 s of silence until the venue has been healthy
    for 60 s; its prices are taken as they are, feed.journal and aster status say whose they were.
    A symbol whose book could not take an order of feed.order_notional for 15 s within
    feed.max_cost counts as one without a bar: no decision is made on it until it can.
    """
