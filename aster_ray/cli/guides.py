"""``aster help TOPIC`` and ``aster version``: the guides are the docstrings below."""

from __future__ import annotations

import difflib
import inspect
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated

import typer

import aster_ray
from aster_ray.cli import history, live_guide, output, venue_guides
from aster_ray.cli.data_guide import data
from aster_ray.cli.execution_guide import execution
from aster_ray.cli.options import VerbOptions, verb
from aster_ray.errors import BadInputError


@dataclass(frozen=True, slots=True, kw_only=True)
class Topic(VerbOptions):
    """Which guide."""

    topic: Annotated[str | None, typer.Argument(help="A topic; none = list them.")] = None


def register(app: typer.Typer) -> None:
    """Add the verbs of this file."""
    verb(app, "help", Topic)(help_)
    verb(app, "version", VerbOptions)(version)


def start() -> None:
    """Begin: the built-in market needs no data and no network.

    aster paper                      trade the built-in six symbols at a simulated exchange
    aster paper --plain              the same on the paper venue, all of it, as aster backtest does
    aster backtest                   the same market and strategies, in one process
    aster backtest --strategy momentum --symbols BTC,ETH --from 2025-03-01
    aster sweep --strategy momentum --grid fast=8:24:4 --grid slow=40,60,80
    aster report runs/RUN            print an earlier report again
    aster report runs/A runs/B       compare runs side by side

    Ctrl-C stops any of them; `aster paper` then closes its session and writes its report.
    """


def config() -> None:
    """Configure: defaults < aster.toml < environment < options.

    One file, ./aster.toml or --config FILE, one table per section:

        [risk]
        profile = "conservative"
        max_gross = 2.0
        [strategies]
        use = ["momentum", "grid"]
        [strategies.momentum]
        fast = 12

    The same from the environment: ASTER__RISK__MAX_GROSS=2. The same as an option:
    --set risk.max_gross=2. A risk profile lies below every key that is set explicitly.
    Unknown keys are refused and all problems are reported at once.
    `aster config show` prints what is in force, `aster config schema` every key there is.
    """


def strategies() -> None:
    """Write a strategy: a pure function from closed bars to signals.

    `aster strategy new my_idea` writes a commented file that runs as it is:
        aster backtest --strategy my_idea.py --param lookback=48
    `aster strategy list` shows the built-in ones with their parameters and bounds.
    Parameters: --param name=value (or strategy.name=value), or [strategies.NAME] in aster.toml.
    """


def results() -> None:
    """Read results: what a run writes, by default below runs/.

    report.json      every number, the same bytes for the same data, code, configuration and seed
    report.html      the tear sheet: one file that opens anywhere and loads nothing
    equity.parquet   equity, gross exposure (notional held at mark) and drawdown at each close
    trades.parquet   round trips: fills paired from flat to flat, and per level of a grid
    orders.parquet   every order and what became of it
    fills.parquet    every fill and funding settlement in order of time: ms, symbol, strategy, level
                     (-1 = none), kind, signed lots and qty, price, notional (0 for a settlement),
                     fee (for a settlement the funding paid), slippage, realized, reason
    sweep.json       of a sweep: a row per set, and the anchor and warm-up that all sets share

    aster report A B [...] puts runs side by side: compare.html and compare.json, below runs/ or
    in --out. Over different periods only the common time is measured; whatever else differs
    (bars, costs, risk, code) is said first. Each Sharpe difference comes with its interval.
    Intervals and resampled paths are drawn with the run's seed; they are no forecast.

    Numbers are fractions, never percents; an undefined metric is null. --json prints report.json.

    In the waterfall, gross is the result had every fill happened at its reference price: before
    slippage. price_pnl of round trips is at the prices that were paid: after slippage. The one less
    slippage is the other; less fees and funding it is the net.

    The account nets: the venue sees one order per symbol and close. Sleeves (strategy and symbol)
    that trade against each other cross at the same price; the fee and the slippage of the net
    order are shared by traded lots, whichever side they were on. A limit's fee is its sleeve's own.

    A row of a sweep is a backtest with the sweep's warm-up, that of its slowest set. Indicators
    never forget their first bar, so give a backtest --warmup N of the sweep to have the row again.
    """


def operate() -> None:
    """Operate: start a paper session, look at it, pause it, end it.

    aster paper --detach                 returns once it trades; prints folder and process
    aster status [SESSION]               positions, orders, denials, actors; exit code 0 = healthy
    aster pause [SESSION] --reason TEXT  open nothing new; stops and exits go on
    aster reduce [SESSION]               the same as a pause
    aster halt [SESSION]                 close everything at the next close, trade no more
    aster resume [SESSION]               trade again, after a pause or a halt
    aster stop [SESSION] --timeout 120   finish the close under way, write the report, end
    aster logs [SESSION] --actor risk --follow
    aster replay [SESSION] --follow      its live twin: decides again on all that was observed

    SESSION is a folder or its name below runs/; none = the newest that lives. All can be repeated.
    SIGTERM, Ctrl-C and the end of its terminal stop a session like `aster stop`; a second SIGTERM
    or Ctrl-C aborts it. A pause or resume is a numbered record in the session's journal: it holds
    from the next close on, survives a restart, and `aster replay` meets it where it came. A halt
    (drawdown limit) waits for a resume, which measures drawdown anew from there; a pause does not
    lift it.

    The twin puts each close through an engine of its own and compares signals, orders and fills bit
    for bit, on paper and at a venue. At a venue it also prices every order as the backtest would
    have on the same bar: drift in bps, above zero where the venue was worse, for market orders and
    for those hit inside a bar, and orders only one side filled. It reads the journals and holds no
    lock; drift.json, the live snapshot and `aster status` have its last word. It ends with the
    session: 0 all identical, 1 if anything differs; --once compares what is there, --json prints a
    document a line.

    The other verbs join the session's Ray node and need its token: ~/.ray/auth_token of the user
    who started it, RAY_AUTH_TOKEN or RAY_AUTH_TOKEN_PATH. Without an answer from the node,
    `aster status` reads the journals and says so.
    As a service: serve/config/aster-paper.service is a commented systemd unit.

    Before real money: aster doctor prints ok, warn or FAIL for the venue, its clock and rules, the
    agent's key and permissions, builders, position mode, leverage, margin, balance, foreign orders
    and positions, the machine, the libraries, the database and Redis, each with its remedy, and
    ends with 0 or, if a check failed, 1. Keys: ASTER_WALLET and ASTER_AGENT_KEY. It only asks, and
    leaves a record sealed with the key, good for 24 hours, which live trading requires.
    """


def sessions() -> None:
    """Find files: what lies in the folder of a paper session.

    file                 written by        what, and when it is safe on disk
    session.json         aster paper       the request; written once, before anything starts
    host.json            aster paper       process, phase, node address; mode 0600; no secret
    risk.journal         RiskActor         bars, signals, evidence, commands, decisions; fsync
                                           before anybody hears of a decision
    executor.journal     ExecutorActor     what was sent and what came back; fsync before sending
    venue.journal        the paper venue   its own account; fsync before it answers. At an exchange
                         or ExecutorActor  what was sent there and all that it said
    supervisor.json      SupervisorActor   processes, restarts, counts: what its successor needs
    supervisor.stop      SupervisorActor   empty; there if somebody asked for the end
    logs/NAME.log        each process      JSON lines, newest 2 MiB; .1 to .4 are older
    logs/host.out        a detached one    what libraries print; usually empty
    logs/exchange.out    its own exchange  the same of the simulator beside the session
    history.sqlite       LedgerActor       the same in tables; see `aster help history`
    history.sqlite.lock  LedgerActor       empty; held while the tables are made
    live.json            LedgerActor       how the account stands, for 15 s at a time
    drift.json           aster replay      what a live twin found last; see `aster help operate`
    lease/               ExecutorActor     who may send; free as soon as its process is gone
    report.json          aster paper       every number, when the session ends; the last to appear
    report.html          aster paper       the tear sheet
    equity.parquet  trades.parquet  orders.parquet  fills.parquet

    Journals are lines of checksum and JSON, each with one writer; a torn last line is dropped when
    they are read. With [store] journal = "sql" they are rows: of journal.sqlite (and -wal, -shm)
    beside history.sqlite, or of the PostgreSQL that store.url names. While a session runs,
    .aster-run marks its folder and session.json is locked by its process.
    Safe to delete: logs/ at any time after the end; the report, its tables, host.json and the
    supervisor's two after the end, if they are not needed. Never while it runs, and never a single
    journal: the three belong together, `aster replay` and a restart need them.
    """


def models() -> None:
    """Train and serve a model: closed bars in, a calibrated probability and its interval out.

    python -m tune.train --model xgboost --preset smoke|standard --out runs/model
        --data --symbols --timeframe --from --to --gaps as in a backtest; --horizon BARS,
        --label log_return|triple_barrier, --seed, --config, --json. RAY_ADDRESS names a cluster.
    The period is cut in three: trees are grown on the first part, probabilities and intervals
    fitted on the second, and the third is looked at once. Between them lie the label's bars and as
    many again. Every measure stands beside rules that need no training, with a 95 % interval of
    resampled days; the verdict follows fixed rules. runs/model/artifact.json says everything.

    export ASTER_API_TOKEN=... RAY_AUTH_MODE=token RAY_SERVE_ENABLE_HA_PROXY=1
    serve run serve/config/predict.yaml
    curl -H "Authorization: Bearer $ASTER_API_TOKEN" http://127.0.0.1:8000/v1/models
    POST /v1/predict takes {"instrument", "timeframe", "bars": [[open_ms, open, high, low, close,
    volume, funding rate], ...]}, at least the model's look-back of closed bars, or "features" by
    name. The answer has the bits of the same model asked offline. GET /healthz and /readyz need no
    token. Another model goes live by changing `models` in the file and `serve deploy`.
    """


def exits() -> None:
    """Script it: every verb is non-interactive.

    Exit codes: 0 done, 1 failed, 2 bad input or configuration, 130 interrupted.
    --json prints one JSON document to standard output; an error is one line on standard error,
    {"error": "..."} with --json. Progress bars are shown on a terminal only; elsewhere `aster
    paper` writes a line to standard error now and then, and nothing with --json.
    """


TOPICS: dict[str, Callable[[], None]] = {
    "start": start,
    "config": config,
    "data": data,
    "strategies": strategies,
    "results": results,
    "operate": operate,
    "sessions": sessions,
    "models": models,
    "simulator": venue_guides.simulator,
    "venues": venue_guides.venues,
    "feed": venue_guides.feed,
    "live": live_guide.live,
    "execution": execution,
    "scripts": exits,
    "history": history.guide,
}
# What a guide to the verb would say beside its options; others begin at the beginning.
VERB_TOPICS = {
    "backtest": "results",
    "sweep": "results",
    "report": "results",
    "replay": "operate",
    "strategy": "strategies",
    "simulator": "simulator",
    "data": "data",
    "live": "live",
}


def verbs() -> dict[str, str]:
    """Return verb -> what it does, as ``aster --help`` lists them."""
    from aster_ray.cli import build_app

    app = build_app()
    found = {
        command.name or "": inspect.getdoc(command.callback) or ""
        for command in app.registered_commands
    }
    groups = {
        group.name or "": _group_help(group.typer_instance) for group in app.registered_groups
    }
    return found | groups


def _group_help(group: typer.Typer | None) -> str:
    return str(group.info.help) if group is not None else ""


def help_(options: Topic) -> None:
    """Print a guide, or the list of guides."""
    if options.topic is None:
        summaries = {name: (guide.__doc__ or "").splitlines()[0] for name, guide in TOPICS.items()}
        lines = [f"aster help {name:<12} {summary}" for name, summary in summaries.items()]
        text, payload = "\n".join(lines), {"topics": summaries}
    elif options.topic in TOPICS:
        text = inspect.getdoc(TOPICS[options.topic]) or ""
        payload = {"topics": {options.topic: text}}
    elif options.topic in verbs():
        topic = VERB_TOPICS.get(options.topic, "start")
        text = f"{verbs()[options.topic]}\n\nIts options: aster {options.topic} --help\n\n"
        text += inspect.getdoc(TOPICS[topic]) or ""
        payload = {"topics": {options.topic: text}}
    else:
        close = difflib.get_close_matches(options.topic, (*TOPICS, *verbs()), n=1)
        hint = f"did you mean {close[0]}? " if close else ""
        raise BadInputError(f"no guide {options.topic!r}: {hint}there are {', '.join(TOPICS)}")
    output.emit(options, payload, lambda console: console.print(text, markup=False))


def version(options: VerbOptions) -> None:
    """Print the version."""
    number = aster_ray.__version__
    output.emit(options, {"version": number}, lambda console: console.print(f"aster-ray {number}"))
