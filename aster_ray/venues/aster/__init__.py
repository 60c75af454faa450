"""Aster: the generic path, and what ccxt gets wrong about this venue put right."""
