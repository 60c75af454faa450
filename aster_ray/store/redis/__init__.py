"""Leases, rate budgets and snapshots that several machines share, in Redis."""
