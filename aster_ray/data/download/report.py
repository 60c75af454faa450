"""What a download brought, what is missing, and where the venue contradicts itself."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from aster_ray.data.columns import moment
from aster_ray.data.coverage import without_spans
from aster_ray.data.download.crosscheck import CrossCheck
from aster_ray.data.download.pages import Span, missing_times
from aster_ray.data.download.series import SeriesDownload
from aster_ray.data.download.store import Store
from aster_ray.data.library import FUNDING
from aster_ray.data.validate import Gap
from aster_ray.errors import EXIT_DONE, EXIT_FAILED
from aster_ray.model.ids import DAY_MS, HOUR_MS

GAP_RULES = ("fail", "report")
_MOST_LISTED = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class SeriesReport:
    """What is there of one series after a download.

    Attributes:
        rows, first_ms, last_ms: within the period; -1 without rows.
        added: by this download.
        begins_late: the first row is later than the period's first: it was listed then.
        gap_count, missing_bars, gaps: what the venue did not have, the longest gaps first.
        unfetched: stretches that were not asked for to the end.
        changed, vanished: times of the first rows that the venue shows otherwise or no longer.
        refusal: why something it sent was not stored.
    """

    symbol: str
    kind: str
    timeframe: str
    rows: int
    first_ms: int
    last_ms: int
    added: int
    begins_late: bool
    gap_count: int
    missing_bars: int
    gaps: tuple[Gap, ...]
    unfetched: tuple[Span, ...]
    changed_rows: int
    changed: tuple[int, ...]
    vanished_rows: int
    vanished: tuple[int, ...]
    refusal: str

    @property
    def name(self) -> str:
        """Return it as a person knows it, e.g. ``BTCUSDT bars 1m``."""
        return " ".join(part for part in (self.symbol, self.kind, self.timeframe) if part)

    def missing(self) -> list[str]:
        """Return a sentence per thing the venue did not have."""
        if self.rows == 0 and not self.unfetched and not self.refusal:
            return ["nothing in this period"]
        if not self.gap_count:
            return []
        longest = self.gaps[0]
        found = f"{self.missing_bars} missing in {self.gap_count} gap{'s' * (self.gap_count != 1)}"
        return [f"{found}, the longest {longest.bars} from {moment(longest.open_ms)}"]

    def faults(self) -> list[str]:
        """Return a sentence per thing that went wrong."""
        found = [self.refusal] if self.refusal else []
        if self.unfetched:
            begin, end = self.unfetched[0][0], self.unfetched[-1][1]
            found.append(f"not fetched from {moment(begin)} to {moment(end)}")
        for count, times, verb in (
            (self.changed_rows, self.changed, "shows {} other rows than before"),
            (self.vanished_rows, self.vanished, "no longer shows {} rows"),
        ):
            if count:
                told = verb.format(count)
                found.append(
                    f"the venue {told}, the first at {moment(times[0])}; kept as they were"
                )
        return found


def describe(download: SeriesDownload, store: Store) -> SeriesReport:
    """Return what is there of one series."""
    key, span = download.key, download.span
    held = store.rows(key, span) if span[0] < span[1] else store.rows(key, (0, 0))
    times = held.times
    left = [] if download.absent else without_spans(span, store.covered(key))
    begin = span[0] if store.holds_before(key, span[0]) or not len(times) else int(times[0])
    missing = missing_times(key, held, (begin, span[1])) if len(times) else np.zeros(0, np.int64)
    for start, stop in left:
        missing = missing[(missing < start) | (missing >= stop)]
    gaps = _runs(missing, key.timeframe_ms or _usual_step(times))
    return SeriesReport(
        symbol=key.symbol,
        kind=key.kind,
        timeframe=key.timeframe,
        rows=len(times),
        first_ms=int(times[0]) if len(times) else -1,
        last_ms=int(times[-1]) if len(times) else -1,
        added=download.added,
        begins_late=begin > span[0],
        gap_count=len(gaps),
        missing_bars=len(missing),
        gaps=tuple(sorted(gaps, key=lambda gap: (-gap.bars, gap.open_ms))[:_MOST_LISTED]),
        unfetched=tuple(left),
        changed_rows=len(download.changed),
        changed=tuple(sorted(download.changed)[:_MOST_LISTED]),
        vanished_rows=len(download.vanished),
        vanished=tuple(sorted(download.vanished)[:_MOST_LISTED]),
        refusal=download.refusal,
    )


def _usual_step(times: np.ndarray) -> int:
    return int(np.median(np.diff(times))) if len(times) > 1 else 8 * HOUR_MS


def _runs(missing: np.ndarray, step: int) -> list[Gap]:
    """Return missing times as gaps."""
    if not len(missing):
        return []
    breaks = np.flatnonzero(np.diff(missing) > step) + 1
    return [Gap(int(run[0]), len(run)) for run in np.split(missing, breaks)]


@dataclass(frozen=True, slots=True, kw_only=True)
class DownloadReport:
    """The end of a download.

    Attributes:
        begin_ms, end_ms: the period, up to what had closed when it began.
        series: one per series wanted.
        checks: long bars beside those made of the finest.
        stopped: why it ended before everything was asked for; empty if it did not.
        requests, retries, rows_fetched, seconds: what it took.
    """

    venue: str
    begin_ms: int
    end_ms: int
    series: tuple[SeriesReport, ...]
    checks: tuple[CrossCheck, ...]
    stopped: str
    requests: int
    retries: int
    rows_fetched: int
    seconds: float

    def late(self) -> list[str]:
        """Return a sentence per series that begins well after its contract's first row.

        Longer bars open up to their length earlier, and the first funding settles within a day.
        """
        first: dict[str, int] = {}
        for row in self.series:
            if row.rows:
                first[row.symbol] = min(row.first_ms, first.get(row.symbol, row.first_ms))
        return [
            f"{row.name}: begins {moment(row.first_ms)}, other data of {row.symbol} "
            f"{moment(first[row.symbol])}"
            for row in self.series
            if row.rows and row.first_ms - first[row.symbol] > _slack_ms(row.kind)
        ]

    def exit_code(self, gaps: str) -> int:
        """Return how the command ends; ``gaps`` says whether what the venue lacks is a failure."""
        if self.stopped or any(series.faults() for series in self.series):
            return EXIT_FAILED
        if gaps == "report":
            return EXIT_DONE
        incomplete = self.late() or any(series.missing() for series in self.series)
        return EXIT_FAILED if incomplete or any(c.differing for c in self.checks) else EXIT_DONE

    def findings(self) -> list[str]:
        """Return a sentence per thing a person should know before trusting the data."""
        found = [
            f"{series.name}: {sentence}"
            for series in self.series
            for sentence in (*series.faults(), *series.missing())
        ]
        found += self.late()
        found += [
            f"{check.key.symbol} {check.key.kind} {check.key.timeframe}: {check.differing} of "
            f"{check.compared} bars are not what {check.finest} bars make, the first at "
            f"{moment(check.first_ms)}: {check.example}"
            for check in self.checks
            if check.differing
        ]
        return [*found, self.stopped] if self.stopped else found

    def as_dict(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        plain = asdict(self)
        plain["series"] = [
            {**asdict(series), "gaps": [gap._asdict() for gap in series.gaps]}
            for series in self.series
        ]
        plain["checks"] = [
            {**check._asdict(), "key": None, **check.key._asdict()} for check in self.checks
        ]
        for check in plain["checks"]:
            del check["key"]
        return {**plain, "findings": self.findings()}


def _slack_ms(kind: str) -> int:
    return DAY_MS if kind == FUNDING else 4 * HOUR_MS
