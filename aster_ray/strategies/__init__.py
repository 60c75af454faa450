"""Strategies: from closed bars to signals; pure, causal, one file each."""
