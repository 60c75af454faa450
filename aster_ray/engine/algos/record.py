"""What an algorithm did and heard, as JSON for the executor's journal.

Records of a parent: one ``algo_parent``, then ``algo_place``, ``algo_cancel``, ``algo_update`` and
``algo_stop`` in the order in which they happened, and ``algo_end`` once nothing can happen to it.
Ticks, quotes and volume are levels and are not recorded.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any, NamedTuple

from aster_ray.engine.algos.child import Action, Cancel, Place, Style
from aster_ray.engine.algos.observe import ChildUpdate, Evidence, Stop
from aster_ray.engine.algos.params import Params, params_from, params_record
from aster_ray.engine.algos.parent import Parent
from aster_ray.errors import JournalError

Record = dict[str, Any]
Event = Place | Cancel | ChildUpdate | Stop

PARENT, END = "algo_parent", "algo_end"
_EVENTS: Mapping[str, type[Any]] = {
    "algo_place": Place,
    "algo_cancel": Cancel,
    "algo_update": ChildUpdate,
    "algo_stop": Stop,
}
_KINDS = {kind: name for name, kind in _EVENTS.items()}
KINDS = frozenset({PARENT, END, *_EVENTS})


class Told(NamedTuple):
    """An event and whose it is."""

    parent_id: str
    event: Event


def parent_record(parent: Parent, params: Params) -> Record:
    """Return the record with which a parent begins."""
    return {"kind": PARENT, **dataclasses.asdict(parent), "params": params_record(params)}


def parent_from(record: Mapping[str, Any]) -> tuple[Parent, Params]:
    """Return what ``parent_record`` was given.

    Raises:
        JournalError: it is no such record, or was written by another version.
    """
    fields = {name: value for name, value in record.items() if name not in ("kind", "params")}
    try:
        return Parent(**fields), params_from(record["params"])
    except (KeyError, TypeError, ValueError) as error:
        raise JournalError(f"record of a parent order cannot be read: {error!r}") from error


def event_record(parent_id: str, event: Action | ChildUpdate | Stop) -> Record:
    """Return something that was done or heard as a record."""
    return {"kind": _KINDS[type(event)], **dataclasses.asdict(event), "parent_id": parent_id}


def event_from(record: Mapping[str, Any]) -> Told:
    """Return what ``event_record`` was given.

    Raises:
        JournalError: it is no such record, or was written by another version.
    """
    fields = {name: value for name, value in record.items() if name != "kind"}
    try:
        kind = _EVENTS[record["kind"]]
        parent_id = fields["parent_id"]
        if kind in (ChildUpdate, Stop):
            del fields["parent_id"]
        if kind is Place:
            fields["style"] = Style(fields["style"])
        if kind is ChildUpdate:
            fields["evidence"] = Evidence(fields["evidence"])
        return Told(parent_id, kind(**fields))
    except (KeyError, TypeError, ValueError) as error:
        raise JournalError(f"record of a child order cannot be read: {error!r}") from error
