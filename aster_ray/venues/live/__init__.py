"""Trading at a real venue: the executor's port over a client, an order's life, reconciliation."""
