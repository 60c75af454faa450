"""What a long-lived process remembers."""

from __future__ import annotations

from aster_ray.engine.latest import Latest


def test_the_oldest_entries_go_first() -> None:
    kept = Latest(2)
    for key in ("a", "b", "c"):
        kept.note(key, key.upper())
    assert kept == {"b": "B", "c": "C"}
    kept.note("b", "again")  # known already: nothing has to go for it
    assert kept == {"b": "again", "c": "C"}


def test_without_a_bound_nothing_is_forgotten() -> None:
    kept = Latest()
    for key in range(100):
        kept.note(str(key))
    assert len(kept) == 100
