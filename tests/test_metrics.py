"""The library gets no larger than it has become, and the lectures hide no more."""

import ast

from tests.metrics import GOAL, REACHED, functions, hidden_cells, library, lines_of_code, totals

SOURCE = '''"""A module."""

import os  # with a comment


def outer(
    x: int,
) -> str:
    """Say something.

    At length.
    """
    # only a comment
    text = """two
    lines"""

    def inner() -> None:
        """Do nothing."""

    return text
'''


def test_docstrings_comments_and_blank_lines_are_no_code() -> None:
    tree = ast.parse(SOURCE)
    code = lines_of_code(SOURCE, tree)
    assert code == {3, 6, 7, 8, 14, 15, 17, 20}
    assert functions(code, tree) == [(7, "outer"), (1, "inner")]


def test_what_has_been_reached_stays() -> None:
    now = totals(library(), hidden_cells())
    limits = {name: max(GOAL[name], REACHED[name]) for name in GOAL}
    assert {name: count for name, count in now.items() if count > limits[name]} == {}, limits
