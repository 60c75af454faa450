"""Market data: folders, catalogs, the built-in market, and the checks they pass."""
