"""Ray Serve: predictions over HTTP."""

from __future__ import annotations

import os

# Ray reads it while it is imported. Left unset, half of Ray would talk without a token.
os.environ.setdefault("RAY_AUTH_MODE", "token")
