from __future__ import annotations

import numpy as np

from aster_ray.kernel.intents import deny, new_intent
from aster_ray.model.enums import Denial, IntentKind
from tests.factories import a_book


def test_a_new_intent_forgets_what_the_buffer_held() -> None:
    book = a_book(2, 2)
    book.intents["lots"] = 99
    book.intents["stop"] = 1.0
    new_intent(book, 3, IntentKind.MARKET)
    intent = book.intents[0]
    assert (intent["kind"], intent["symbol"], intent["sleeve"]) == (IntentKind.MARKET, 1, 3)
    assert (intent["lots"], intent["level"], intent["reason"]) == (0, -1, 0)
    assert all(np.isnan(intent[name]) for name in ("price", "stop", "stop_high", "take_profit"))
    new_intent(book, 0, IntentKind.MOVE_STOP)
    assert book.account[0]["intent_count"] == 2


def test_one_wish_is_refused_once_and_the_other_direction_is_another_wish() -> None:
    book = a_book()
    for direction in (1, 1, -1, -1, 1):
        deny(book, 0, direction, Denial.MARGIN)
    assert book.denials[Denial.MARGIN] == 3
    assert book.account[0]["intent_count"] == 3
    assert book.intents["lots"][:3].tolist() == [1, -1, 1]
