"""Tables for slides: numbers under one another, with their units, the best in bold."""

import math
from collections.abc import Mapping, Sequence
from typing import Any, Literal, SupportsFloat

from nnkit._table import Table
from nnkit.training import MeanStd


def table(
    rows: Mapping[str, Sequence[Any]],
    columns: Mapping[str, str],
    *,
    corner: str = "",
    best: Mapping[str, Literal["max", "min"]] | None = None,
) -> Table:
    """Write numbers as a table, which a notebook shows if it is a cell's last line.

    Args:
        rows: a row's name -> its cells: numbers, `MeanStd`, texts, None for an empty one.
        columns: a column's name, with its unit -> how to write its numbers, such as ".1%".
        corner: what the rows are; by default of how many runs the means are, if of equally many.
        best: a column -> which of its numbers are in bold, the greatest or the least as written.

    Raises:
        ValueError: a row with another number of cells, a column that is not there or holds
            nothing to compare, a fraction to be written as a whole number.

    Example:
        >>> from nnkit.plots import table
        >>> rows = {"none": [0.871, 0], "L1": [0.893, 412], "L2": [0.912, 0]}
        >>> table(rows, {"accuracy": ".2f", "zeros": "d"}, best={"accuracy": "max"})
              accuracy  zeros
        none     0.87       0
        L1       0.89     412
        L2       0.91*      0
    """
    names, head = list(rows), list(columns)
    cells = [list(row) for row in rows.values()]
    for name, row in zip(names, cells, strict=True):
        if len(row) != len(head):
            raise ValueError(
                f"row {name!r} has {len(row)} cells for the {len(head)} columns {head}"
            )
    runs = {cell.runs for row in cells for cell in row if isinstance(cell, MeanStd)}
    forms = list(columns.values())
    texts = [
        [_written(cell, form, same=len(runs) == 1) for cell, form in zip(row, forms, strict=True)]
        for row in cells
    ]
    if len(runs) == 1 and not corner:
        corner = f"{count} runs" if (count := runs.pop()) > 1 else "1 run"
    bold = set()
    for column, which in (best or {}).items():
        if column not in head:
            raise ValueError(f"best names {column!r}, the columns are {head}")
        j = head.index(column)
        written = [row[j] for row in texts]
        bold |= {(i, j + 1) for i in _best(column, [row[j] for row in cells], written, which)}
    texts = [[name, *row] for name, row in zip(names, texts, strict=True)]
    return Table([corner, *head], texts, bold, names=True)


def _best(column: str, cells: list[Any], written: list[str], which: str) -> list[int]:
    """The rows whose number is the best, or reads like it."""
    if which not in ("max", "min"):
        raise ValueError(f"best of {column!r} is {which!r}, allowed are 'max' and 'min'")
    numbers = {i: _number(cell) for i, cell in enumerate(cells) if not _is_text(cell)}
    numbers = {i: number for i, number in numbers.items() if not math.isnan(number)}
    if not numbers:
        raise ValueError(f"best of {column!r}: it holds no number")
    first = (max if which == "max" else min)(numbers, key=numbers.__getitem__)
    if isinstance(cells[first], MeanStd):  # two means are one only if their deviations are, too
        return [first]
    return [i for i in numbers if written[i] == written[first]]


def _is_text(cell: Any) -> bool:
    return cell is None or isinstance(cell, str)


def _number(cell: MeanStd | SupportsFloat) -> float:
    return cell.mean if isinstance(cell, MeanStd) else float(cell)


def _written(cell: Any, form: str, *, same: bool) -> str:
    """A cell as text, with true minus signs and a space before %."""
    if cell is None:
        return "–"
    if isinstance(cell, str):
        return cell
    if isinstance(cell, MeanStd):
        text = f"{cell:{form}}"
        return _typeset(text.partition(" (")[0] if same else text)
    number = float(cell)
    if form.endswith("d") and not number.is_integer():
        raise ValueError(f"{number} is no whole number, and {form!r} is the form of one")
    return _typeset(f"{int(number) if form.endswith('d') else number:{form}}")


def _typeset(text: str) -> str:
    if text.startswith("-"):
        zero = not any(digit in text.partition(" ")[0] for digit in "123456789naif")
        text = text[1:] if zero else f"−{text[1:]}"
    return text.replace("%", "\N{NO-BREAK SPACE}%")
