"""Trades on candles: one drawing per symbol to choose from, and the best and worst close up."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import Any

from aster_ray.metrics.attribution import extreme_trips
from aster_ray.metrics.candle_chart import candle_chart
from aster_ray.metrics.candles import (
    MOST_SYMBOLS,
    Candles,
    fitting_step,
    merged,
    packed,
    shown,
    tradable,
    traded_symbols,
    zoomable,
)
from aster_ray.metrics.facts import RunFacts
from aster_ray.metrics.round_trips import RoundTrip
from aster_ray.metrics.traces import dates
from aster_ray.metrics.trip_stats import side_name
from aster_ray.metrics.wording import cash, duration, moment, price, signed_percent, words

# What a phone shows clearly, and how many round trips are readable at once.
_CANDLES, _TRIPS = 170, 80
# Bars around a round trip, as a share of its length, and the fewest.
_ROOM, _FEWEST = 0.6, 12


class Panels:
    """The candles of a run: what is drawn, and what the page's script zooms into."""

    def __init__(self, facts: RunFacts, trips: Sequence[RoundTrip]) -> None:
        self._facts, self._trips = facts, trips
        self._symbols = traded_symbols(facts, trips)
        self._candles = zoomable(facts, self._symbols)

    def packed(self) -> dict[str, Any]:
        """Return the candles and trips of each symbol for the script."""
        return {
            name: packed(candles, shown(self._trips, name))
            for name, candles in self._candles.items()
            if len(candles.ms)
        }

    def drawn(self, quote: str) -> str:
        """Return a choice of symbols with a drawing each; the first one is chosen."""
        names = [name for name in self._symbols if len(self._candles[name].ms)]
        if not names:
            return ""
        inputs, labels, panels = [], [], []
        for place, name in enumerate(names):
            text = escape(name)
            chosen = " checked" if place == 0 else ""
            inputs.append(
                f'<input type="radio" name="symbol" id="choose-{place}" value="{text}"{chosen}>'
            )
            labels.append(f'<label for="choose-{place}">{text}</label>')
            panels.append(self._panel(name, quote))
        rules = ",".join(
            f"#choose-{place}:checked~.panels>:nth-child({place + 1})"
            for place in range(len(names))
        )
        marked = ",".join(
            f"#choose-{place}:checked~.labels>:nth-child({place + 1})"
            for place in range(len(names))
        )
        style = f"{rules}{{display:block}}{marked}{{background:var(--main);color:var(--card)}}"
        many = len({at for _, at in self._facts.sleeves})
        note = f"The {MOST_SYMBOLS} most traded of {many} symbols. " if many > MOST_SYMBOLS else ""
        return (
            f'<div class="choice"><style>{style}</style>{"".join(inputs)}'
            f'<div class="labels">{"".join(labels)}</div><div class="tools"></div>'
            f'<div class="panels">{"".join(panels)}</div></div>'
            f'<p class="soft">{note}Triangle up: long entry; down: short entry; cross: exit. The '
            "line between them has the colour of the result.</p>"
        )

    def _panel(self, name: str, quote: str) -> str:
        facts = self._facts
        rows, symbol = tradable(facts), facts.market.symbols.index(name)
        ms = facts.market.open_ms[rows]
        step = fitting_step(int(ms[-1] - ms[0]), facts.market.timeframe_ms, _CANDLES)
        candles = merged(facts.market, symbol, rows, step)
        own = shown(self._trips, name)
        total = sum(trip.symbol == name for trip in self._trips)
        few = shown(own, name, _TRIPS)
        left = f"{len(few)} of {total:,} round trips drawn, those with the largest results."
        return (
            f'<figure data-symbol="{escape(name)}"><figcaption class="read">'
            f"{escape(name)}, candles of {duration(step)}, {quote}, {total:,} round trips"
            f"</figcaption>{candle_chart(f'{name} with its round trips', candles, few, dates(ms))}"
            f'<p class="soft note">{left if len(few) < total else ""}</p></figure>'
        )

    def close_up(self, quote: str) -> str:
        """Return the best and the worst round trips, each on the bars around it."""
        parts = []
        for kind, chosen in zip(("best", "worst"), extreme_trips(self._trips), strict=True):
            if chosen:
                drawn = "".join(self._small(trip, quote) for trip in chosen)
                parts.append(f'<h3>{kind}</h3><div class="small">{drawn}</div>')
        return "".join(parts)

    def _small(self, trip: RoundTrip, quote: str) -> str:
        level = "" if trip.level < 0 else f", level {trip.level}"
        side = side_name(trip)
        text = (
            f"<b>{escape(trip.symbol)}</b> {escape(words(trip.strategy))}, {side}{level}"
            f'<b class="{"gain" if trip.net > 0 else "loss"}">{cash(trip.net)} {quote} '
            f"({signed_percent(trip.net_return)})</b>"
            f"<span>{moment(trip.entry_ms)} at {price(trip.entry_price)}, "
            f"{duration(trip.holding_ms)}, left at {price(trip.exit_price)}: "
            f"{escape(words(trip.reason))}</span>"
        )
        title = f"{trip.symbol} around the {side} round trip of {moment(trip.entry_ms)}"
        chart = candle_chart(title, self._around(trip), [trip])
        return f"<figure><figcaption>{text}</figcaption>{chart}</figure>"

    def _around(self, trip: RoundTrip) -> Candles:
        """Return the bars from a little before a trip to a little after it."""
        market = self._facts.market
        room = max(int(_ROOM * trip.holding_ms), _FEWEST * market.timeframe_ms)
        begin = int(market.open_ms.searchsorted(trip.entry_ms - room))
        end = int(market.open_ms.searchsorted(trip.exit_ms + room))
        rows = slice(begin, max(end, begin + 1))
        span = int(market.open_ms[rows][-1] - market.open_ms[begin])
        step = fitting_step(span, market.timeframe_ms, 90)
        return merged(market, market.symbols.index(trip.symbol), rows, step)
