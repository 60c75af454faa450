"""The comparison as a reader sees it: drawn by headless Chromium, on a phone and on a desk."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from aster_ray.metrics.comparison import Comparison, compare, load_runs
from aster_ray.metrics.comparison_page import render_comparison
from aster_ray.metrics.files import write_run_files
from aster_ray.metrics.report import build_report
from aster_ray.metrics.wording import number, percent
from tests.aster_ray.metrics.conftest import Browse, two_months

pytestmark = pytest.mark.slow


def compared(folder: Path) -> tuple[Comparison, Path]:
    first = two_months(120)
    drift = np.linspace(1.0, 1.4, len(first.equity))
    other = replace(first, equity=first.equity * drift, seed=3)
    folders = [
        write_run_files(build_report(facts), facts, folder / name)
        for name, facts in (("calm", first), ("strong", other))
    ]
    found = compare(load_runs(folders), 7)
    page = folder / "compare.html"
    page.write_text(render_comparison(found), encoding="utf-8")
    return found, page


@pytest.mark.parametrize("width", [390, 1280])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_runs_are_drawn_from_a_common_start_with_the_numbers_of_the_content(
    browse: Browse, tmp_path: Path, width: int, scheme: str
) -> None:
    found, file = compared(tmp_path)
    with browse(file, width, color_scheme=scheme) as page:
        for name in ("growth", "drawdown"):
            assert page.locator(f"#{name} .line").count() == 2
            assert page.locator(f"#{name} svg").bounding_box()["height"] >= 100
        last = page.locator("#growth .entry b").all_inner_texts()
        assert last == [f"{row[-1]:.3f} x start" for row in found.growth]
        wide = page.evaluate("document.documentElement.scrollWidth")
        assert wide == width
        rows = {
            row.locator("td").first.inner_text(): row.locator("td").all_inner_texts()[1:]
            for row in page.locator("#s-measures tbody tr").all()
        }
        measures = found.content["measures"]
        shown = [text.split("\n")[0] for text in rows["Sharpe ratio, annual"]]
        assert shown == [number(value) for value in measures["sharpe"]["values"]]
        shown = [text.split("\n")[0] for text in rows["max drawdown"]]
        assert shown == [percent(value) for value in measures["max_drawdown"]["values"]]
        gap = measures["total_return"]["differences"][0]
        assert rows["total return"][1].endswith(f"{gap * 100:+.2f} points")


def test_one_window_and_one_pointer_for_both_drawings(browse: Browse, tmp_path: Path) -> None:
    _, file = compared(tmp_path)
    with browse(file, 1280) as page:
        page.locator("#growth .plot").hover()
        moment = page.locator("#growth .when").inner_text()
        assert moment == page.locator("#drawdown .when").inner_text()
        before = page.locator("#drawdown .line").first.get_attribute("points")
        page.get_by_role("button", name="last 30 days").click()
        assert page.locator("#drawdown .line").first.get_attribute("points") != before
        page.get_by_role("button", name="logarithmic scale").click()
        assert page.locator("#growth.log .line").count() == 2
