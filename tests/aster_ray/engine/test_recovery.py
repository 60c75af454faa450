"""Cut a journal at any byte: it says what it lost, and the session ends as it would have, or stops.

A crash cuts the last write of one journal. Somebody's disk may cut more: then whoever acted on what
is missing must notice, because going on would trade on two different histories.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aster_ray.engine.journal import Loss, frame, read_journal
from aster_ray.errors import JournalError
from tests.aster_ray.engine.lives import (
    NAMES,
    OPEN,
    Fuse,
    Scene,
    a_scene,
    close_all,
    everything,
    ids_at_venue,
)

Records = list[dict[str, Any]]
RISK, VENUE, SENT = NAMES


class Whole(NamedTuple):
    """An undisturbed life: how it ends, its journals, and their sizes after every write."""

    outcome: tuple[object, ...]
    ids: list[str]
    journals: dict[str, bytes]
    sizes: list[dict[str, int]]

    def __repr__(self) -> str:
        return f"Whole({len(self.sizes)} writes)"


@cache
def undisturbed(folder: Path) -> Whole:
    sizes: list[dict[str, int]] = []

    def look() -> None:
        sizes.append({name: _size(folder / name) for name in NAMES})

    host = a_scene(folder).live(Fuse(written=look))
    outcome = everything(host)
    close_all()
    return Whole(
        outcome,
        ids_at_venue(folder),
        {name: (folder / name).read_bytes() for name in NAMES},
        sizes,
    )


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Whole:
    return undisturbed(tmp_path_factory.mktemp("whole"))


def is_promised(name: str, kept: dict[str, Records], lost: Records) -> bool:
    """Tell from the records alone whether nobody acted on what was lost, or will tell it again."""
    seen = max((record["seq"] for record in kept[VENUE] if record["kind"] == "bars"), default=-1)
    if name == RISK:
        recorded = max((r["seq"] for r in kept[RISK] if r["kind"] == "close"), default=-1)
        return recorded >= seen - 1
    acted = [record for record in lost if record["kind"] in ("orders", "report")]
    if name == SENT:
        return all(record["seq"] == seen for record in acted)
    acted_on = {record["seq"] for record in kept[SENT] if record["kind"] in ("report", "orders")}
    accepted = {record["seq"] for record in kept[SENT] if record["kind"] == "accepted"}
    relied_on = {"bars": acted_on, "orders": accepted}
    return all(record["seq"] not in relied_on[record["kind"]] for record in lost)


def resume(whole: Whole, scene: Scene, name: str, *, agreed: bool = False) -> tuple[str, Loss]:
    """Carry on from damaged journals.

    Returns "equal" or what was refused, and what journal ``name`` said it had to drop.
    """
    said = "equal"
    try:
        host = scene.live(Fuse(), agreed=agreed)
    except JournalError as error:
        said = str(error)
    dropped = OPEN[NAMES.index(name)].dropped
    close_all()
    if said == "equal":
        assert everything(host) == whole.outcome
        assert ids_at_venue(scene.folder) == whole.ids
    return said, dropped


def check(whole: Whole, folder: Path, at: dict[str, int], damaged: tuple[str, bytes]) -> bool:
    """Resume from the journals as they were ``at`` these sizes, one of them ``damaged``.

    Returns whether the session could go on.
    """
    name, content = damaged
    for other, size in at.items():
        (folder / other).write_bytes(whole.journals[other][:size])
    intact: Records = read_journal(folder / name).records
    (folder / name).write_bytes(content)
    kept: dict[str, Records] = {other: read_journal(folder / other).records for other in NAMES}
    lost = intact[len(kept[name]) :]
    assert kept[name] + lost == intact
    said, dropped = resume(whole, a_scene(folder), name)
    valid = sum(len(frame(record)) for record in kept[name])
    assert dropped.bytes == len(content) - valid
    assert bool(dropped.records) == bool(dropped.bytes)  # a damaged byte may look like a line end
    promised = is_promised(name, kept, lost)
    if promised:
        assert said == "equal"
    else:
        assert "missing" in said or "lacks" in said, said
    return promised


@given(data=st.data())
@settings(max_examples=40)
def test_a_journal_cut_at_any_byte_loses_what_it_says_and_nobody_trades_on_a_gap(
    whole: Whole, tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    at = data.draw(st.sampled_from(whole.sizes))
    name = data.draw(st.sampled_from(NAMES))
    cut = data.draw(st.integers(0, at[name]))
    folder = tmp_path_factory.mktemp("cut")
    check(whole, folder, at, (name, whole.journals[name][:cut]))


@given(st.sampled_from(NAMES), st.floats(0, 1), st.floats(0, 1), st.integers(1, 255))
@settings(max_examples=40)
def test_a_damaged_last_record_is_dropped_and_said(
    whole: Whole,
    tmp_path_factory: pytest.TempPathFactory,
    name: str,
    when: float,
    where: float,
    change: int,
) -> None:
    written = [at for at in whole.sizes if at[name]]
    at = written[round(when * (len(written) - 1))]
    content = bytearray(whole.journals[name][: at[name]])
    last = content.rfind(b"\n", 0, len(content) - 1) + 1
    place = last + 9 + round(where * (len(content) - last - 10))
    content[place] ^= change
    folder = tmp_path_factory.mktemp("damaged")
    check(whole, folder, at, (name, bytes(content)))


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_whatever_a_crash_tears_off_the_last_write_is_made_good(
    whole: Whole, tmp_path: Path, name: str
) -> None:
    """Every write of the journal, cut in its middle, with the others as they were before it."""
    before = dict.fromkeys(NAMES, 0)
    count = 0
    for at in whole.sizes:
        if at[name] > before[name]:
            middle = (before[name] + at[name]) // 2
            folder = tmp_path / str(count)
            folder.mkdir()
            assert check(whole, folder, at, (name, whole.journals[name][:middle]))
            count += 1
        before = at
    assert count > 20


@pytest.mark.parametrize("gone", [(VENUE,), (VENUE, SENT), (RISK,)], ids=" and ".join)
def test_journals_that_are_gone_altogether_are_missed_before_anything_is_sent_again(
    whole: Whole, tmp_path: Path, gone: tuple[str, ...]
) -> None:
    """At every third write; where nothing was sent yet, the session begins anew and ends equal."""
    how = {"missed": 0, "equal": 0}
    for n, at in enumerate(whole.sizes[::3]):
        scene = a_scene(tmp_path / str(n))
        scene.folder.mkdir()
        for other, size in at.items():
            if other not in gone:
                (scene.folder / other).write_bytes(whole.journals[other][:size])
        taken = b'"kind":"orders"' in whole.journals[VENUE][: at[VENUE]]
        said, _ = resume(whole, scene, VENUE, agreed=True)
        if said == "equal":
            assert not (taken and VENUE in gone)
            how["equal"] += 1
        else:
            assert "restore it from a copy or start a new session" in said
            how["missed"] += 1
    assert how["missed"] > 10
    assert how["equal"] >= 1


def test_both_kinds_of_loss_occur(whole: Whole, tmp_path: Path) -> None:
    """The properties above would also hold if everything, or nothing, could go on."""
    found = set()
    for name in NAMES:
        for back in (0, 1, 2, 8):
            lines = whole.journals[name].splitlines(keepends=True)
            folder = tmp_path / f"{name}{back}"
            folder.mkdir()
            kept = b"".join(lines[: len(lines) - back])
            found.add((name, check(whole, folder, whole.sizes[-1], (name, kept))))
    assert found == {(name, promised) for name in NAMES for promised in (False, True)}
