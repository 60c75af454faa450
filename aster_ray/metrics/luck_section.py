"""What the order of events did: resampled paths around the curve, and how deep they fell."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from typing import Any

from aster_ray.metrics.sections import table
from aster_ray.metrics.traces import BAND, Table, figure
from aster_ray.metrics.wording import duration, percent, signed_percent

Report = Mapping[str, Any]


def luck(report: Report, tables: Mapping[str, Table], quote: str) -> str:
    """Return the band with its percentiles, or why there is none."""
    found = report["resampled"]
    if found["band"] is None:
        return f"<p>No paths: {escape(found['undefined'])}.</p>"
    method = (
        f"{found['draws']:,} draws, seed {found['seed']}: {escape(found['method'])}; "
        f"{found['steps']:,} steps of {duration(found['step_ms'])}, blocks of "
        f"{found['block_steps']} steps on average."
    )
    meaning = escape(found["meaning"])
    return (
        f'<p class="soft">{meaning[0].upper()}{meaning[1:]}.</p>'
        + figure(BAND, tables["band"], quote)
        + _percentiles(report)
        + _chances(found)
        + f'<p class="soft">{method}</p>'
    )


def _percentiles(report: Report) -> str:
    found, mine = report["resampled"], report["summary"]["strategy"]
    ranks = list(found["total_return"])
    head = ["", *(f"{rank[1:]} % of paths below" for rank in ranks), "as it happened"]
    rows = [
        [name, *(wording(found[key][rank]) for rank in ranks), wording(mine[key])]
        for name, key, wording in (
            ("total return", "total_return", signed_percent),
            ("max drawdown", "max_drawdown", percent),
        )
    ]
    return table(head, rows)


def _chances(found: Mapping[str, Any]) -> str:
    beyond = found["drawdown_beyond"]
    head = ["share of paths that", "ended with a loss"]
    head += [f"fell more than {percent(float(depth), 0)}" for depth in beyond]
    shares = [found["loss"], *beyond.values()]
    return table(head, [["", *(percent(share, 1) for share in shares)]])
