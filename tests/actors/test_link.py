from __future__ import annotations

import asyncio

from actors.link import Latest, Watermark


def test_waiters_wake_when_their_number_is_reached() -> None:
    async def scene() -> list[int]:
        mark, woken = Watermark(), list[int]()

        async def wait(seq: int) -> None:
            await mark.reach(seq)
            woken.append(seq)

        tasks = [asyncio.create_task(wait(seq)) for seq in (2, 0, 1)]
        await asyncio.sleep(0)
        mark.raise_to(1)
        await asyncio.sleep(0.01)
        mark.raise_to(0)  # never down
        assert mark.value == 1
        mark.raise_to(5)
        await asyncio.gather(*tasks)
        return woken

    assert asyncio.run(scene()) == [0, 1, 2]


def test_a_stir_makes_waiters_look_again() -> None:
    async def scene() -> None:
        mark, over = Watermark(), list[bool]()
        task = asyncio.create_task(mark.until(lambda: bool(over)))
        await asyncio.sleep(0)
        mark.stir()
        await asyncio.sleep(0)
        assert not task.done()
        over.append(True)
        mark.stir()
        await asyncio.wait_for(task, 1)

    asyncio.run(scene())


def test_who_asks_for_a_message_waits_for_it_and_who_asks_again_gets_the_latest() -> None:
    async def scene() -> list[tuple[str, int]]:
        reached: list[tuple[str, int]] = []
        said = Latest(lambda point, seq: reached.append((point, seq)), "after-send")
        early = asyncio.create_task(said.since(3))
        said.put(2, b"two")
        await asyncio.sleep(0.01)
        assert not early.done()
        assert reached == []  # nothing left
        said.put(3, b"three")
        data, sent_ns = await asyncio.wait_for(early, 1)
        assert (data, sent_ns > 0) == (b"three", True)
        # Somebody who comes back further behind, as after a crash.
        assert (await said.since(1))[0] == b"three"
        await asyncio.sleep(0.05)
        return reached

    assert asyncio.run(scene()) == [("after-send", 3)] * 2
