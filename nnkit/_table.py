"""A table of texts, as a terminal and as a notebook show it."""

from collections.abc import Collection, Sequence
from html import escape

Place = tuple[int, int]  # row, column


class Table:
    """A head and rows of texts; all columns but the names' stand at the right.

    Args:
        head: the columns' names.
        rows: a text for each of them.
        bold: the places that stand out; printed, they carry a star.
        names: whether the first column holds the rows' names.
    """

    def __init__(
        self,
        head: Sequence[str],
        rows: Sequence[Sequence[str]],
        bold: Collection[Place] = (),
        *,
        names: bool = False,
    ) -> None:
        self.head, self.rows, self.bold, self.names = head, rows, bold, names

    def __str__(self) -> str:
        starred = {column for _, column in self.bold}
        rows = [
            [c + ("*" if (i, j) in self.bold else " ") * (j in starred) for j, c in enumerate(row)]
            for i, row in enumerate([self.head, *self.rows], start=-1)
        ]
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        sides = ["<" if self.names and not j else ">" for j in range(len(widths))]
        lines = [
            "  ".join(f"{c:{s}{w}}" for c, s, w in zip(row, sides, widths, strict=True))
            for row in rows
        ]
        return "\n".join(line.rstrip() for line in lines)

    __repr__ = __str__

    def _repr_html_(self) -> str:
        """The table that a notebook shows."""
        rows = "".join(self._html("td", row, i) for i, row in enumerate(self.rows))
        head = self._html("th", self.head)
        return f"<table><thead>{head}</thead><tbody>{rows}</tbody></table>"

    def _html(self, tag: str, cells: Sequence[str], row: int = -1) -> str:
        parts = []
        for column, cell in enumerate(cells):
            text = escape(cell)
            if (row, column) in self.bold:
                text = f"<strong>{text}</strong>"
            side = "" if self.names and not column else ' style="text-align: right"'
            parts.append(f"<{tag}{side}>{text}</{tag}>")
        return f"<tr>{''.join(parts)}</tr>"
