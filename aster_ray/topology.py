"""Names by which actors, Serve and Tune find each other at run time."""

from __future__ import annotations

NAMESPACE = "aster"

FEED = "feed"
STRATEGY = "strategy"
RISK = "risk"
EXECUTOR = "executor"
LEDGER = "ledger"
SUPERVISOR = "supervisor"

# Ray Serve: the application that answers predictions, and its two deployments.
PREDICT_APP = "predict"
PREDICT_API = "predict_api"
PREDICTOR = "predictor"

# The order in which messages flow; also the start order, and in reverse the stop order.
PIPELINE = (FEED, STRATEGY, RISK, EXECUTOR)


def actor_name(role: str, part: str = "") -> str:
    """Return the registered name of an actor; ``part`` is its account, venue or symbol shard."""
    return f"{role}:{part}" if part else role
