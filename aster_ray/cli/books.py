"""Our books beside an exchange's own ledger, as the end of a session shows them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.console import Console

_MOST = 5
# What is counted -> the lists in which a difference would stand.
_COUNTED = (
    ("orders", ("orders_missing", "orders_invented", "orders_different")),
    ("fills", ("missing", "invented")),
)
_MONEY = ("fees", "funding", "cash")


def show_books(console: Console, found: Mapping[str, Any]) -> None:
    """Print what an audit found: that the books agree to the last cent, or where they do not."""
    verdict = "agree to the last cent" if found["agrees"] else "DO NOT AGREE"
    console.print(f"our books and the exchange's own ledger {verdict}:", markup=False)
    parts = [
        f"{found[name]:,} {name}, "
        + ", ".join(f"{len(found[key])} {key.removeprefix(f'{name}_')}" for key in lists)
        for name, lists in _COUNTED
    ]
    parts.append(f"{len(found['positions'])} positions different")
    console.print("  " + "; ".join(parts), markup=False)
    money = (f"{name} {_cents(found[f'{name}_difference'])}" for name in _MONEY)
    console.print(f"  differences in money: {', '.join(money)}", markup=False)
    for key in (*(key for _, lists in _COUNTED for key in lists), "positions"):
        for one in found[key][:_MOST]:
            console.print(f"  {key.replace('_', ' ')}: {one}", markup=False)
        if len(found[key]) > _MOST:
            console.print(f"  ... and {len(found[key]) - _MOST} more", markup=False)


def _cents(difference: float) -> str:
    return f"{round(difference, 2) + 0.0:,.2f}"
