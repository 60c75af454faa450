from __future__ import annotations

import pytest

from aster_ray.strategies.blame import blame


def test_the_deepest_line_of_the_file_is_blamed() -> None:
    try:
        int("x")
    except ValueError as error:
        here = blame(error, __file__)
        elsewhere = blame(error, "other.py")
    assert here.startswith(f"{__file__}, line 10: ValueError: invalid literal")
    assert elsewhere == here  # not in the file: the deepest frame there is


def test_a_syntax_error_knows_its_own_place() -> None:
    with pytest.raises(SyntaxError) as caught:
        compile("a = 1\nb = = 2\n", "idea.py", "exec")
    assert blame(caught.value, "idea.py") == "idea.py, line 2: SyntaxError: invalid syntax"
