"""Ray Serve: predictions over HTTP."""
