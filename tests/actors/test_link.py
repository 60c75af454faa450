from __future__ import annotations

import asyncio

from actors.link import Watermark


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
