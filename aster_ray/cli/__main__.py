"""``python -m aster_ray.cli`` is the ``aster`` command where it is not installed."""

from __future__ import annotations

import sys

from aster_ray.cli import main

sys.exit(main())
