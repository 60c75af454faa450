"""A panel shows a market and protects it; the compiled rule is the rule."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aster_ray.errors import StrategyError
from aster_ray.kernel.records import CLOSE, HIGH, LOW, MARK_CLOSE, OPEN
from aster_ray.research.fused import worked_out
from aster_ray.strategies.contract import Fused, Panel, Params, Signals, Strategy
from aster_ray.strategies.encode import ask, encode
from aster_ray.strategies.momentum import Momentum
from aster_ray.strategies.parameters import flaws, resolve_params, warmup_of
from aster_ray.strategies.registry import load, names
from aster_ray.strategies.series import series_of
from tests.factories import a_market

FUSED = [name for name in names() if hasattr(load(name), "fused")]
COLUMNS = ("open", "high", "low", "close", "volume", "mark", "funding_rate")


def test_a_panel_shows_each_column_of_its_market() -> None:
    market = a_market(40, 3, gaps=0.1)
    panel = Panel.of(market)
    for name, index in zip(
        ("open", "high", "low", "close", "mark"),
        (OPEN, HIGH, LOW, CLOSE, MARK_CLOSE),
        strict=True,
    ):
        shown = getattr(panel, name)
        assert np.array_equal(shown, market.bars[:, :, index], equal_nan=True)
        assert shown.flags.c_contiguous
    assert np.array_equal(panel.volume, market.volume, equal_nan=True)
    assert np.array_equal(panel.funding_rate, market.funding_rate, equal_nan=True)
    assert panel.symbols == market.symbols
    assert panel.timeframe_ms == market.timeframe_ms


@pytest.mark.parametrize("name", [*COLUMNS, "open_ms"])
@pytest.mark.parametrize("shape", [(1, 1), (9, 1), (9, 2)])
def test_a_strategy_cannot_change_what_others_see(name: str, shape: tuple[int, int]) -> None:
    market = a_market(*shape)
    before = market.digest()

    class Rewrites(Momentum):
        name = "rewrites"

        def signals(self, panel: Panel, params: Params) -> Signals:
            getattr(panel, column)[0] = 1
            return Signals(np.zeros(panel.close.shape, np.int8))

    column = name
    with pytest.raises(StrategyError, match=r"strategy rewrites.*read-only"):
        ask(Rewrites(), Panel.of(market), {})
    assert market.digest() == before
    market.volume[:] = 7.0  # the market's owner still may


def test_a_built_in_strategy_offers_what_hosts_use(strategy) -> None:
    assert isinstance(strategy, Strategy)
    assert strategy.parameters
    for parameter in strategy.parameters:
        assert flaws(parameter) == ()
        assert parameter.doc


def test_every_corner_of_the_box_has_a_warm_up_that_covers_its_windows(strategy, box) -> None:
    @settings(max_examples=30)
    @given(box(strategy))
    def check(params: Params) -> None:
        bars = warmup_of(strategy, params)
        windows = [params[p.name] for p in strategy.parameters if p.integer and p.name != "levels"]
        assert bars > max(windows)

    check()


def test_the_same_question_gets_the_same_answer(strategy, walk) -> None:
    panel, params = walk(600, 2, seed=4, gaps=0.05), resolve_params(strategy, {})
    first = encode([ask(strategy, panel, params)], panel, ["one"])
    again = encode([ask(strategy, panel, params)], panel, ["two"])
    assert [c.tobytes() for c in first] == [c.tobytes() for c in again]


def test_symbols_do_not_hear_each_other(strategy, walk) -> None:
    panel, params = walk(600, 3, seed=6, gaps=0.05), resolve_params(strategy, {})
    together = encode([ask(strategy, panel, params)], panel, ["all"])
    for n in range(3):
        own = {name: getattr(panel, name)[:, n : n + 1] for name in COLUMNS}
        alone = Panel(panel.symbols[n : n + 1], panel.timeframe_ms, panel.open_ms, **own)
        columns = encode([ask(strategy, alone, params)], alone, ["alone"])
        assert columns.code.tobytes() == together.code[:, n : n + 1].tobytes()
        assert columns.ladder.tobytes() == together.ladder[:, n : n + 1].tobytes()


def compiled_code(strategy: Strategy, params: Params, panel: Panel, n: int) -> np.ndarray:
    """Run the compiled rule as a sweep would: columns in an order of its own, a used buffer."""
    fused: Fused = strategy.fused
    series, rows = series_of(panel, n)
    wanted = fused.conditions(params)
    order = list(dict.fromkeys(reversed(wanted)))
    conditions = worked_out(fused, order, series)
    index = np.array([order.index(condition) for condition in wanted], np.int64)
    code = np.full(len(rows), 77, np.int8)
    fused.rule(conditions, index, code)
    full = np.zeros(len(panel.open_ms), np.int8)
    full[rows] = code
    return full


def assert_fused_equals_plain(strategy: Strategy, params: Params, panel: Panel) -> int:
    """Return how many signals there were."""
    plain = encode([ask(strategy, panel, params)], panel, ["plain"])
    for n in range(len(panel.symbols)):
        code = compiled_code(strategy, params, panel, n)
        assert code.tobytes() == plain.code[:, n].tobytes()
    constants = (plain.confidence, plain.stop_loss, plain.take_profit)
    for constant, column in zip(strategy.fused.constants(params), constants, strict=True):
        assert column.shape == (1, len(panel.symbols))
        assert np.array_equal(column, np.full(column.shape, constant), equal_nan=True)
    assert (plain.target_units == 1.0).all()
    assert np.isnan(plain.ladder).all()
    return int((plain.code != 0).sum())


@pytest.mark.parametrize("name", FUSED)
def test_the_compiled_rule_gives_every_bit_anywhere_in_the_box(name: str, box, markets) -> None:
    strategy = load(name)
    said = []

    @settings(max_examples=60)
    @given(st.data())
    def check(data: st.DataObject) -> None:
        panel, params = data.draw(markets), data.draw(box(strategy))
        said.append(assert_fused_equals_plain(strategy, params, panel))

    check()
    assert sum(count > 0 for count in said) > len(said) // 4  # not silence against silence


@pytest.mark.parametrize("name", FUSED)
def test_the_compiled_rule_gives_every_bit_of_recorded_bars(name: str, recorded) -> None:
    assert assert_fused_equals_plain(load(name), resolve_params(load(name), {}), recorded) > 100


@pytest.mark.parametrize("name", FUSED)
@pytest.mark.parametrize("bars", [0, 1, 2, 3, 21, 85])
def test_the_compiled_rule_takes_any_length(name: str, bars: int, walk) -> None:
    assert_fused_equals_plain(load(name), resolve_params(load(name), {}), walk(bars))


def test_ties_and_flat_prices_are_judged_alike(closes) -> None:
    """Prices on a coarse grid make averages equal, where < and <= part."""
    random = np.random.default_rng(2)
    close = 100.0 + np.round(random.normal(0.0, 0.6, 2_000))
    close[500:700] = 100.0
    for name in FUSED:
        strategy = load(name)
        small = {"fast": 2, "slow": 3, "adx_min": 0} if name == "momentum" else {"window": 2}
        assert assert_fused_equals_plain(strategy, resolve_params(strategy, small), closes(close))
