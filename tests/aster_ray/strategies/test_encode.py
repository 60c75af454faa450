from __future__ import annotations

from dataclasses import replace
from typing import Any, ClassVar

import numpy as np
import pytest

from aster_ray.errors import ConfigError, StrategyError
from aster_ray.kernel.records import EXIT_LONG, EXIT_SHORT, LONG, SHORT
from aster_ray.strategies.contract import Ladder, Panel, Parameter, Params, Signals
from aster_ray.strategies.encode import ask, encode, signal_columns
from aster_ray.strategies.registry import load, names, resolve_params


@pytest.fixture
def panel(walk) -> Panel:
    return walk(6, 2)


def quiet(panel: Panel) -> np.ndarray:
    return np.zeros(panel.close.shape, dtype=np.int8)


def test_a_sleeve_is_a_symbol_and_a_strategy(panel: Panel) -> None:
    first, second = quiet(panel), quiet(panel)
    first[2, 1], second[3, 0] = 1, -1
    ends = np.zeros(panel.close.shape, dtype=bool)
    ends[2, 1] = True
    columns = encode([Signals(first, exit_short=ends), Signals(second)], panel, ["a", "b"])
    assert columns.code.shape == (6, 4)
    assert columns.code.dtype == np.int8
    assert columns.code[2].tolist() == [0, 0, LONG | EXIT_SHORT, 0]
    assert columns.code[3].tolist() == [0, SHORT, 0, 0]
    assert np.count_nonzero(columns.code) == 2


def test_an_exit_may_be_a_constant(panel: Panel) -> None:
    columns = encode([Signals(quiet(panel), exit_long=True)], panel, ["a"])
    assert (columns.code == EXIT_LONG).all()


def test_constants_take_one_row_and_a_single_varying_column_takes_all(panel: Panel) -> None:
    stop = np.full(panel.close.shape, 0.05)
    stop[3, 1] = 0.07
    answers = [Signals(quiet(panel), confidence=0.6), Signals(quiet(panel), 0.8, stop_loss=stop)]
    columns = encode(answers, panel, ["a", "b"])
    assert columns.confidence.tolist() == [[0.6, 0.8, 0.6, 0.8]]
    assert columns.stop_loss.shape == (6, 4)
    assert np.isnan(columns.stop_loss[:, [0, 2]]).all()
    assert columns.stop_loss[3].tolist()[1::2] == [0.05, 0.07]
    assert np.isnan(columns.take_profit).all()
    assert columns.take_profit.shape == columns.target_units.shape == (1, 4)
    assert columns.ladder.shape == (1, 4, 4)
    assert np.isnan(columns.ladder[:, :, 0]).all()


def test_a_ladder_goes_to_its_own_sleeves(panel: Panel) -> None:
    centre, spacing = panel.close.copy(), np.full(panel.close.shape, 0.01)
    centre[4, 0] = np.nan
    spacing[5, 1] = np.nan
    grid = Signals(quiet(panel), ladder=Ladder(centre, spacing, levels=5, size=0.5))
    columns = encode([Signals(quiet(panel)), grid], panel, ["a", "grid"])
    assert columns.ladder.shape == (6, 4, 4)
    assert np.isnan(columns.ladder[:, [0, 2], 0]).all()
    assert columns.ladder[0, 1].tolist() == [panel.close[0, 0], 0.01, 5.0, 0.5]
    assert np.isnan(columns.ladder[4, 1, 0])
    assert np.isnan(columns.ladder[5, 3, 0])


def test_a_row_without_a_bar_says_nothing(panel: Panel) -> None:
    close = panel.close.copy()
    close[2, 0] = np.nan
    panel = replace(panel, close=close)
    ladder = Ladder(np.full(panel.close.shape, 9.0), np.full(panel.close.shape, 0.01), 5)
    columns = encode([Signals(quiet(panel), ladder=ladder)], panel, ["a"])
    assert np.isnan(columns.ladder[2, 0, 0])
    assert np.isfinite(columns.ladder[2, 1]).all()
    columns = encode([Signals(quiet(panel) + np.int8(1))], panel, ["a"])
    assert columns.code[2].tolist() == [0, LONG]


def test_in_a_session_undefined_numbers_become_nan_for_the_kernel_to_deny(panel: Panel) -> None:
    column = np.full(panel.close.shape, 0.5)
    column[1, 0], column[2, 1] = np.inf, np.nan
    answer = Signals(quiet(panel) + np.int8(1), column, column, column, target_units=column)
    columns = encode([answer], panel, ["a"])
    for name in ("confidence", "stop_loss", "take_profit", "target_units"):
        values = getattr(columns, name)
        assert np.argwhere(np.isnan(values)).tolist() == [[1, 0], [2, 1]]
    assert (columns.code == LONG).all()


def test_a_number_nobody_acts_on_may_be_undefined(panel: Panel) -> None:
    column = np.full(panel.close.shape, 0.5)
    column[1, 0], column[2, 1] = np.inf, np.nan
    columns = encode(
        [Signals(quiet(panel), column, column, column, target_units=column)], panel, ["a"], [0]
    )
    for name in ("confidence", "stop_loss", "take_profit", "target_units"):
        values = getattr(columns, name)
        assert np.argwhere(np.isnan(values)).tolist() == [[1, 0], [2, 1]]


@pytest.mark.parametrize("field", ["confidence", "stop_loss", "take_profit", "target_units"])
@pytest.mark.parametrize("value", [np.inf, -np.inf, np.nan])
def test_an_undefined_number_on_a_row_that_asks_for_a_trade_is_refused(
    panel: Panel, field: str, value: float
) -> None:
    direction = quiet(panel)
    direction[3, 1] = 1
    answer = Signals(direction, **{field: _at(panel, value)})
    if np.isnan(value) and field in ("stop_loss", "take_profit"):
        assert np.isnan(getattr(encode([answer], panel, ["mine"], [0]), field)[3, 1])  # says "none"
        return
    told = rf"strategy mine: {field} must be .*, was {value:g} at row 3 of S1USDT \(.* 03:00\)"
    with pytest.raises(StrategyError, match=told):
        encode([answer], panel, ["mine"], [0])
    with pytest.raises(StrategyError, match=f"{field} must be .*, was {value:g} at every row"):
        encode([Signals(quiet(panel), **{field: value})], panel, ["mine"], [0])


def test_until_a_symbol_has_had_its_warmup_nothing_need_be_defined(panel: Panel) -> None:
    close = panel.close.copy()
    close[:2, 1] = np.nan  # listed late: its warm-up begins at row 2
    late = replace(panel, close=close)
    always = quiet(panel) + np.int8(1)
    for row, allowed in ((4, True), (5, False)):
        column = np.full(panel.close.shape, 0.5)
        column[2:row, 1] = np.nan
        arguments = ([Signals(always, confidence=column)], late, ["mine"], [2])
        if allowed:
            assert np.isnan(encode(*arguments).confidence[2:row, 1]).all()
        else:
            with pytest.raises(StrategyError, match=r"confidence must be .* was nan at row 4 "):
                encode(*arguments)


@pytest.mark.parametrize("field", ["centre", "spacing", "levels", "size"])
def test_an_infinite_ladder_is_refused_and_an_undefined_one_is_none(
    panel: Panel, field: str
) -> None:
    usual = {"centre": 100.0, "spacing": 0.01, "levels": 5.0, "size": 0.5}
    columns = {name: np.full(panel.close.shape, value) for name, value in usual.items()}
    columns[field][3, 1] = np.nan
    found = encode([Signals(quiet(panel), ladder=Ladder(**columns))], panel, ["mine"], [0])
    assert np.argwhere(np.isnan(found.ladder[:, :, 0])).tolist() == [[3, 1]]
    columns[field][3, 1] = np.inf
    with pytest.raises(StrategyError, match=f"ladder.{field} must be .* was inf at row 3 of S1"):
        encode([Signals(quiet(panel), ladder=Ladder(**columns))], panel, ["mine"], [0])


def test_a_symbol_takes_a_direction_or_a_ladder_never_both(panel: Panel) -> None:
    centre = np.full(panel.close.shape, 100.0)
    centre[:, 0] = np.nan
    ladder = Ladder(centre, np.full(panel.close.shape, 0.01), 5)
    direction = quiet(panel)
    direction[1, 0] = 1
    columns = encode([Signals(direction, ladder=ladder)], panel, ["mine"], [0])  # one each
    assert np.count_nonzero(columns.code) == 1
    direction[5, 1] = -1
    centre[:-2, 1] = np.nan  # not even on another row: the position would be left to the ladder
    centre[5, 1] = np.nan
    with pytest.raises(
        StrategyError, match=r"direction or a ladder, never both.* was -1 at row 5 of S1"
    ):
        encode([Signals(direction, ladder=ladder)], panel, ["mine"], [0])


def _at(panel: Panel, value: float) -> np.ndarray:
    column = np.full(panel.close.shape, 0.5)
    column[3, 1] = value
    return column


@pytest.mark.parametrize(
    ("field", "value", "must"),
    [
        ("confidence", 1.01, "within 0..1"),
        ("confidence", -0.5, "within 0..1"),
        ("stop_loss", 3.0, "a fraction above 0 and below 1"),
        ("stop_loss", 0.0, "a fraction above 0 and below 1"),
        ("take_profit", -0.1, "a fraction above 0"),
        ("target_units", 2.0, "within 0..1"),
    ],
)
def test_a_number_out_of_bounds_is_named_with_its_row(panel, field, value, must) -> None:
    message = f"strategy mine: {field} must be {must}, was {value:g} at row 3 of S1USDT "
    message += "(the bar of 1970-01-01 03:00)"
    with pytest.raises(StrategyError) as caught:
        encode([Signals(quiet(panel), **{field: _at(panel, value)})], panel, ["mine"])
    assert str(caught.value) == message
    with pytest.raises(StrategyError, match="at every row"):
        encode([Signals(quiet(panel), **{field: value})], panel, ["mine"])


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda p: Signals(quiet(p) + np.int8(2)), "direction must be -1, 0 or 1, was 2 at row 0"),
        (lambda p: Signals(quiet(p).astype(float)), "direction must be integers of shape"),
        (lambda p: Signals(quiet(p)[1:]), r"direction must be integers of shape \(6, 2\)"),
        (lambda p: Signals(quiet(p) == 0), "direction must be integers"),
        (lambda p: Signals(quiet(p), np.ones(6)), "confidence must be a number or have shape"),
        (lambda p: Signals(quiet(p), "high"), "confidence must be numbers"),
        (lambda p: Signals(quiet(p), exit_long=quiet(p)), "exit_long must be True, False or bool"),
        (lambda p: Signals(quiet(p), exit_short=np.ones(3, bool)), "exit_short must be True"),
        (lambda p: Signals(quiet(p), ladder=Ladder(p.close, 0 * p.close, 5)), "ladder.spacing"),
        (lambda p: Signals(quiet(p), ladder=Ladder(p.close, _at(p, 0.5), 5)), "levels and|level"),
        (lambda p: Signals(quiet(p), ladder=Ladder(p.close, _at(p, 0.5), 11)), "ladder.levels"),
        (lambda p: Signals(quiet(p), ladder=Ladder(p.close, _at(p, 0.5) / 99, 5.5)), "whole"),
        (lambda p: Signals(quiet(p), ladder=Ladder(-p.close, _at(p, 0.5), 5)), "ladder.centre"),
        (lambda p: Signals(quiet(p), ladder=Ladder(p.close, _at(p, 0.1), 5, 2.0)), "ladder.size"),
    ],
)
def test_what_breaks_the_contract_is_refused(panel: Panel, make: Any, message: str) -> None:
    with pytest.raises(StrategyError, match=message) as caught:
        encode([make(panel)], panel, ["mine"])
    assert "mine" in str(caught.value)
    assert caught.value.exit_code == 2


class _Raises:
    name: ClassVar[str] = "raises"
    parameters: ClassVar[tuple[Parameter, ...]] = ()

    def warmup(self, params: Params) -> int:
        return 0

    def signals(self, panel: Panel, params: Params) -> Signals:
        raise KeyError("fast")


def test_an_exception_in_a_strategy_is_one_line_with_its_place(panel: Panel) -> None:
    with pytest.raises(StrategyError, match=r"strategy raises: signals\(\) failed at .*, line \d+"):
        ask(_Raises(), panel, {})


def test_our_own_errors_pass_through(panel: Panel) -> None:
    class Ours(_Raises):
        def signals(self, panel: Panel, params: Params) -> Signals:
            raise ConfigError(["no such column"])

    with pytest.raises(ConfigError):
        ask(Ours(), panel, {})


def test_an_answer_that_is_no_signals_is_refused(panel: Panel) -> None:
    class Wrong(_Raises):
        def signals(self, panel: Panel, params: Params) -> Any:
            return panel.close

    with pytest.raises(StrategyError, match="must return Signals, returned ndarray"):
        ask(Wrong(), panel, {})


def test_all_built_in_strategies_share_one_set_of_columns(walk) -> None:
    panel = walk(400, 3, gaps=0.1)
    all_of_them = [(load(name), resolve_params(load(name), {})) for name in names()]
    columns = signal_columns(all_of_them, panel)
    assert columns.code.shape == (400, 12)
    for k, pair in enumerate(all_of_them):
        alone = signal_columns([pair], panel)
        assert np.array_equal(columns.code[:, k::4], alone.code)
        for together, single in zip(columns[1:], alone[1:], strict=True):
            rows = np.broadcast_to(single, (len(together), *single.shape[1:]))
            assert np.array_equal(together[:, k::4], rows, equal_nan=True)
