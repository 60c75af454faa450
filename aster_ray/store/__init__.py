"""What outlives a process or is shared by several: leases, budgets, snapshots and the history."""
