"""Point at the line of a person's own file that an exception came from."""

from __future__ import annotations

import traceback


def blame(error: BaseException, file: str) -> str:
    """Return ``FILE, line N: Kind: message``; without ``file`` in it, the deepest frame."""
    if isinstance(error, SyntaxError) and error.lineno is not None:
        return f"{error.filename}, line {error.lineno}: {type(error).__name__}: {error.msg}"
    what = f"{type(error).__name__}: {error}"
    frames = traceback.extract_tb(error.__traceback__)
    frame = next((f for f in reversed(frames) if f.filename == file), frames[-1])
    return f"{frame.filename}, line {frame.lineno}: {what}"
