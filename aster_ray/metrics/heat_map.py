"""Monthly returns as a table of shaded cells: a row per year, a column per month."""

from __future__ import annotations

from collections.abc import Mapping

from aster_ray.metrics.undefined import REASONS
from aster_ray.metrics.wording import NOTHING

_MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]
# The deepest shade that leaves the text readable, percent of the colour.
_DEEPEST = 45


def monthly_heat_map(months: Mapping[str, float], years: Mapping[str, float]) -> str:
    """Return months (``YYYY-MM``) and year totals (``YYYY``) in percent, shaded by the return."""
    if not months:
        return ""
    strongest = max((abs(value) for value in months.values()), default=0.0)
    body = []
    for year in sorted(years):
        cells = [_cell(months.get(f"{year}-{month:02d}"), strongest) for month in range(1, 13)]
        body.append(
            f'<tr><th scope="row">{year}</th>{"".join(cells)}{_cell(years[year], 0.0)}</tr>'
        )
    top = "".join(f'<th scope="col">{name}</th>' for name in ["", *_MONTHS, "year"])
    return (
        '<div class="scroll" tabindex="0"><table class="heat"><thead><tr>'
        f"{top}</tr></thead><tbody>{''.join(body)}</tbody></table></div>"
    )


def _cell(value: float | None, strongest: float) -> str:
    if value is None:
        return f'<td title="{REASONS["month"]}">{NOTHING}</td>'
    share = round(abs(value) / strongest * _DEEPEST) if strongest > 0.0 else 0
    colour = "--gain" if value >= 0.0 else "--loss"
    shade = f' style="background:color-mix(in srgb,var({colour}) {share}%,var(--card))"'
    style = ' class="total"' if strongest == 0.0 else shade
    return f"<td{style}>{round(value * 100, 1) + 0.0:+.1f}</td>"
