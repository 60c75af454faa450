"""The tear sheet as a reader sees it: drawn by headless Chromium, on a phone and on a desk."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from aster_ray.metrics.report import build_report
from aster_ray.metrics.tearsheet import render
from aster_ray.metrics.wording import cash, number, percent, signed_percent
from tests.aster_ray.metrics.conftest import Browse, two_months

pytestmark = pytest.mark.slow

PHONE, DESK = 390, 1280
DRAWN = ("equity", "drawdown", "rolling", "exposure", "band")
# WCAG AA for text of ordinary size.
CONTRAST = 4.5
LOW_CONTRAST = """() => {
  const pen = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
  const rgba = (colour) => {
    pen.clearRect(0, 0, 1, 1);
    pen.fillStyle = colour;
    pen.fillRect(0, 0, 1, 1);
    const [r, g, b, a] = pen.getImageData(0, 0, 1, 1).data;
    return [r, g, b, a / 255];
  };
  const over = (top, below) => [0, 1, 2].map((n) => top[n] * top[3] + below[n] * (1 - top[3]));
  const light = (colour) => {
    const [r, g, b] = colour.map((value) => {
      const part = value / 255;
      return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
    });
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const behind = (node) => {
    if (!node) return [255, 255, 255];
    const own = rgba(getComputedStyle(node).backgroundColor);
    return own[3] === 1 ? own.slice(0, 3) : over(own, behind(node.parentElement));
  };
  const found = [], walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  let seen = 0;
  while (walker.nextNode()) {
    const node = walker.currentNode.parentElement;
    if (!walker.currentNode.textContent.trim() || !node.checkVisibility()) continue;
    if (["SCRIPT", "STYLE"].includes(node.tagName)) continue;
    seen++;
    const back = behind(node), text = over(rgba(getComputedStyle(node).color), back);
    const [one, other] = [light(text), light(back)].sort((a, b) => b - a);
    const ratio = (one + 0.05) / (other + 0.05);
    if (ratio < LIMIT) found.push([node.tagName, walker.currentNode.textContent, ratio]);
  }
  return [seen, found];
}""".replace("LIMIT", str(CONTRAST))

Opened = Callable[..., Any]


@pytest.fixture(scope="module")
def run() -> tuple[dict[str, Any], str]:
    """Return the report and the page of 120 days, in which everything there is happens."""
    facts = two_months(120)
    report = build_report(facts)
    return report, render(report, facts)


@pytest.fixture
def opened(browse: Browse, run: tuple[dict[str, Any], str], tmp_path: Path) -> Opened:
    """Return a way to open the page of the run."""
    file = tmp_path / "report.html"
    file.write_text(run[1], encoding="utf-8")
    return lambda width, **options: browse(file, width, **options)


@pytest.mark.parametrize("width", [PHONE, DESK])
@pytest.mark.parametrize("is_scripted", [True, False])
def test_every_section_is_drawn_and_the_page_never_scrolls_sideways(
    opened: Opened, width: int, is_scripted: bool
) -> None:
    with opened(width, java_script_enabled=is_scripted) as page:
        sections = page.locator("section")
        assert sections.count() >= 20
        for place in range(sections.count()):
            assert sections.nth(place).bounding_box()["height"] > 40
        for name in DRAWN:
            box = page.locator(f"#{name} svg").bounding_box()
            assert box["width"] > 0.6 * width * (0.8 if width == DESK else 1)
            assert box["height"] >= 100
            points = page.locator(f"#{name} .line").last.get_attribute("points")
            assert len(points.split()) >= 30
        shown = page.locator("figure[data-symbol]:visible")
        assert shown.count() == 1
        assert page.locator("figure[data-symbol]:visible use").count() >= 10
        assert page.locator("#s-extremes figure").count() == 12
        if is_scripted:
            widths = page.evaluate(
                "[document.documentElement.scrollWidth, document.documentElement.clientWidth]"
            )
            assert widths == [width, width]


@pytest.mark.parametrize("width", [PHONE, DESK])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_text_stands_out_from_what_is_behind_it(
    opened: Opened, width: int, scheme: str
) -> None:
    with opened(width, color_scheme=scheme) as page:
        seen, found = page.evaluate(LOW_CONTRAST)
        assert seen > 300
        assert found == []
        back = page.evaluate("getComputedStyle(document.body).backgroundColor")
        assert (sum(map(int, re.findall(r"\d+", back)[:3])) < 200) == (scheme == "dark")


def test_numbers_on_the_page_are_those_of_the_report(
    opened: Opened, run: tuple[dict[str, Any], str]
) -> None:
    report = json.loads(json.dumps(run[0]))
    mine, trips = report["summary"]["strategy"], report["round_trips"]["all"]
    with opened(DESK) as page:
        cards = dict(reversed(text.split("\n")) for text in page.locator(".card").all_inner_texts())
        assert cards == {
            "total return": signed_percent(mine["total_return"]),
            "buy and hold": signed_percent(report["summary"]["buy_and_hold"]["total_return"]),
            "Sharpe ratio, annual": number(mine["sharpe"]),
            "max drawdown": percent(mine["max_drawdown"]),
            "net profit, USDT": cash(report["waterfall"]["net"]),
            "round trips": str(trips["round_trips"]),
            "win rate": percent(trips["win_rate"], 1),
            "profit factor": number(trips["profit_factor"]),
        }
        bars = page.locator("#s-waterfall .number").all_inner_texts()
        steps = ("gross", "slippage", "fees", "funding", "net")
        assert bars == [f"{cash(report['waterfall'][name])} USDT" for name in steps]
        net = page.locator("#s-sleeves tbody tr td:nth-child(2)").all_inner_texts()
        assert net == [cash(row["net"]) for row in report["by_sleeve"]]
        depths = page.locator("#s-falls tbody tr td:nth-child(2)").all_inner_texts()
        assert depths == [percent(row["depth"]) for row in report["drawdowns"]]
        months = page.locator("#s-months td:not([title])").all_inner_texts()
        wanted = [*report["monthly_returns"].values(), *report["yearly_returns"].values()]
        assert months == [f"{round(value * 100, 1) + 0.0:+.1f}" for value in wanted]
        chances = page.locator("#s-luck table").nth(1).locator("td").all_inner_texts()[1:]
        beyond = report["resampled"]["drawdown_beyond"].values()
        assert chances == [percent(value, 1) for value in (report["resampled"]["loss"], *beyond)]


def test_pointer_reads_every_chart_at_the_same_moment(
    opened: Opened, run: tuple[dict[str, Any], str]
) -> None:
    data = json.loads(re.findall(r'id="data">(.*?)</script>', run[1])[0])
    curve = data["tables"]["curve"]
    with opened(DESK) as page:
        page.locator("#equity .plot").hover()
        when = page.locator("#equity .when").inner_text()
        assert when == page.locator("#drawdown .when").inner_text()
        moments = [data["start"] + 60_000 * minute for minute in curve["ms"]]
        at = next(
            place
            for place, ms in enumerate(moments)
            if page.evaluate("ms => new Date(ms).toISOString().slice(0, 16)", ms)
            == when[:16].replace(" ", "T")
        )
        middle = (moments[0] + moments[-1]) / 2
        assert abs(moments[at] - middle) <= 3_600_000
        shown = page.locator("#equity [data-key=equity]").inner_text()
        assert shown == f"{curve['equity'][at]:,.2f} USDT"
        fall = page.locator("#drawdown [data-key=drawdown]").inner_text()
        assert fall == f"{curve['drawdown'][at] * 100:.2f} %"
        told = page.locator("figure[data-symbol]:visible .read").inner_text()
        assert re.match(r"2024-0\d-\d\d \d\d:\d\d UTC, candle of .*: open [\d.]+, high", told)


def test_dragging_zooms_all_charts_and_a_double_click_shows_the_whole_again(
    opened: Opened,
) -> None:
    with opened(DESK) as page:
        plot = page.locator("#equity .plot")
        plot.scroll_into_view_if_needed()
        box = plot.bounding_box()
        left, width, y = box["x"], box["width"], box["y"] + 50
        before = page.locator("#drawdown .line").last.get_attribute("points")
        page.mouse.move(left + 0.25 * width, y)
        page.mouse.down()
        page.mouse.move(left + 0.5 * width, y, steps=4)
        page.mouse.up()
        window = page.locator(".window").first
        assert window.inner_text() == "2024-01-31 to 2024-03-01"
        assert page.locator("#drawdown .line").last.get_attribute("points") != before
        assert page.locator("#equity .x").first.inner_text().startswith("2024-02-03")
        plot.dblclick()
        assert window.inner_text() == "whole period"


def test_keys_do_what_the_pointer_does(opened: Opened) -> None:
    with opened(DESK) as page:
        plot = page.locator("#equity .plot")
        plot.focus()
        page.keyboard.press("ArrowLeft")
        first = page.locator("#equity .when").inner_text()
        page.keyboard.press("ArrowLeft")
        assert page.locator("#equity .when").inner_text() < first
        page.keyboard.press("+")
        assert page.locator(".window").first.inner_text() != "whole period"
        page.keyboard.press("0")
        assert page.locator(".window").first.inner_text() == "whole period"


def test_scale_turns_logarithmic_and_back(opened: Opened) -> None:
    with opened(PHONE) as page:
        button = page.get_by_role("button", name="logarithmic scale")
        line = page.locator("#equity .line").last
        assert button.get_attribute("aria-pressed") == "false"
        button.click()
        curved = line.get_attribute("points")
        assert button.get_attribute("aria-pressed") == "true"
        button.click()
        assert line.get_attribute("points") != curved


@pytest.mark.parametrize("is_scripted", [True, False])
def test_another_symbol_can_be_chosen_with_and_without_script(
    opened: Opened, is_scripted: bool
) -> None:
    with opened(PHONE, java_script_enabled=is_scripted) as page:
        page.get_by_text("ETHUSDT", exact=True).and_(page.locator("label")).click()
        figure = page.locator("figure[data-symbol=ETHUSDT]")
        assert figure.is_visible()
        assert not page.locator("figure[data-symbol=BTCUSDT]").is_visible()
        assert len(figure.locator(".body").first.get_attribute("d")) > 500


def test_a_finger_on_a_candle_reads_the_trade_in_it(opened: Opened) -> None:
    with opened(PHONE, has_touch=True) as page:
        mark = page.locator("figure[data-symbol]:visible use.leave").nth(3)
        mark.scroll_into_view_if_needed()
        box = mark.bounding_box()
        page.touchscreen.tap(box["x"] + box["width"] / 2 - 1, box["y"] + 40)
        told = page.locator("figure[data-symbol]:visible .read").inner_text()
        assert re.search(
            r"(long|short) left at [\d.]+, (take profit|stop loss), [+-][\d.]+ USDT", told
        )


def test_paper_shows_every_symbol_and_no_button(opened: Opened) -> None:
    with opened(DESK) as page:
        page.emulate_media(media="print")
        assert page.locator("figure[data-symbol]:visible").count() == 2
        assert page.locator(".tools:visible").count() == 0
        assert page.locator("nav:visible").count() == 0
