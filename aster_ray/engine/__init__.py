"""The event host: events in, actions out, no I/O but journals."""
