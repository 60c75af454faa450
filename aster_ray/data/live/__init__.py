"""Closed bars from a venue that is awake: streams notice, REST confirms, each close comes once.

Everything but ``live_feed`` is logic without I/O: times are handed in, nothing waits.
"""
