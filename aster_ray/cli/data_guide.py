"""``aster help data``: the guide is the docstring below."""

from __future__ import annotations


def data() -> None:
    """Bring market data: a folder of files, a catalog, or an exchange's own history.

    --data DIR takes a folder of files named
        <venue>_<um|spot>_<SYMBOL>[_mark]_<1m|3m|5m|15m|30m|1h|4h>[_label].parquet|csv
        <venue>_<um|spot>_<SYMBOL>_funding.parquet|csv
    with the columns ts (UTC milliseconds of the open), open, high, low, close, volume, or ts, rate;
    other files are listed as ignored. `aster data import SOURCE CATALOG` checks them and makes a
    Parquet catalog; `aster data verify` and `aster data list` look into either.
    Duplicates, disorder, NaN and impossible bars are errors; gaps are reported and not traded.

    aster data download --symbols BTC,ETH --from 2024-01-01 --catalog market
    aster data download --venue bybit --symbols BTC --from 2024-01-01 --timeframes 1m,1h
    fetches bars, mark prices (--kinds bars,mark,funding) of all seven timeframes and funding rates,
    without an account. What is there is not asked for again: the same command goes on after Ctrl-C,
    a kill or an outage, and later adds what came since. Fetched rows are stored a month of fine
    bars, or a year of long ones, at a time; catalog/downloads.json holds the digest, source and
    time of each, which `aster data verify` checks. A bar is stored once it has closed by the
    venue's clock. Where new rows join old ones, and everywhere with --recheck, what the venue shows
    now is compared with what is there: it is reported when it differs, and never overwritten.
    Exit code 1: the venue lacks bars (asked for twice) or its timeframes disagree (`--gaps report`
    tolerates both), it changed its history, sent what cannot be true, or stopped answering.
    From another address, e.g. that of `aster simulator`:
        --set venue.rest=http://127.0.0.1:18080 --set venue.stream=ws://127.0.0.1:18080

    aster data instruments                               contract rules, their source and date
    aster data instruments --refresh --catalog market    read them from the venue, show what changed
    Rules in market/instruments.toml go before the packaged ones in every run on that catalog, and
    its report names their digest. Margin tables are shown to accounts only (ASTER_WALLET and
    ASTER_AGENT_KEY); without keys the earlier table stays, and the source says so.
    """
