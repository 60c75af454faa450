from __future__ import annotations

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aster_ray.venues.ccxt_venue.mailbox import Mailbox, Outlet


def a_mailbox(most: int = 100) -> Mailbox[str]:
    return Mailbox(most, lambda: "overflow")


@given(st.lists(st.tuples(st.integers(0, 3), st.booleans()), max_size=60))
def test_what_has_a_key_is_read_in_its_newest_form_and_the_rest_in_order(
    puts: list[tuple[int, bool]],
) -> None:
    async def run() -> None:
        box = a_mailbox()
        for number, (key, keyed) in enumerate(puts):
            box.put(f"{number}", ("key", key) if keyed else None)
        read = [int(await box.get() or "") for _ in range(len(box))]
        plain = [number for number, (_, keyed) in enumerate(puts) if not keyed]
        assert [number for number in read if number in plain] == plain
        newest = {key: number for number, (key, keyed) in enumerate(puts) if keyed}
        assert sorted(number for number in read if number not in plain) == sorted(newest.values())

    asyncio.run(run())


def test_one_too_many_and_all_give_way_to_a_word_that_says_so() -> None:
    async def run() -> None:
        box = a_mailbox(3)
        for number in range(4):
            box.put(f"{number}")
        box.put("after")
        assert [await box.get(), await box.get()] == ["overflow", "after"]

    asyncio.run(run())


def test_a_closed_mailbox_is_read_to_its_end() -> None:
    async def run() -> None:
        box = a_mailbox()
        box.put("last")
        box.close()
        assert [await box.get(), await box.get(), await box.get()] == ["last", None, None]

    asyncio.run(run())


def test_a_reader_who_waits_is_woken_by_the_failure_of_a_task() -> None:
    async def run() -> None:
        outlet = Outlet(a_mailbox())

        async def fail() -> None:
            await asyncio.sleep(0.01)
            raise ValueError("broken")

        outlet.start(fail())
        with pytest.raises(ValueError, match="broken"):
            await outlet.mailbox.get()
        await outlet.close()
        await outlet.close()
        assert outlet.session.closed

    asyncio.run(run())


def test_closing_ends_every_task() -> None:
    async def run() -> None:
        outlet, ended = Outlet(a_mailbox()), list[str]()

        async def work(name: str) -> None:
            try:
                await asyncio.sleep(60)
            finally:
                ended.append(name)

        outlet.start(work("a"))
        outlet.start(work("b"))
        await asyncio.sleep(0)
        await outlet.close()
        assert sorted(ended) == ["a", "b"]
        assert len(asyncio.all_tasks()) == 1

    asyncio.run(run())
