"""Compositions for study: one run, many runs, and runs again."""
