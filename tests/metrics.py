"""The size of the library, and what the lectures hide: ``python -m tests.metrics`` prints it.

A line of code holds something other than white space, a comment or a docstring. ``nnkit/course``
is left out: it holds the course's own tools. Hidden is a cell that no slide shows.
"""

import ast
import io
import tokenize
from pathlib import Path
from typing import NamedTuple

import jupytext

from tests.test_examples import MODULES, documented, example

ROOT = Path(__file__).parents[1]
COLUMNS = ("code", "files", "longest function", "without example", "hidden cells")
# Where they shall go; and what has been reached on the way, which a test keeps from growing.
GOAL = dict(zip(COLUMNS, (7200, 115, 50, 0, 80), strict=True))
REACHED = dict(zip(COLUMNS, (9680, 108, 50, 0, 197), strict=True))
NOT_CODE = {
    *(tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT),
    tokenize.ENDMARKER,
}


class Room(NamedTuple):
    """What is counted of one module directly below ``nnkit``, or of all."""

    code: int
    files: int
    longest: tuple[int, str]
    exported: int
    examples: int


def lines_of_code(source: str, tree: ast.Module) -> set[int]:
    """The numbers of the lines that hold code."""
    lines: set[int] = set()
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type not in NOT_CODE:
            lines.update(range(token.start[0], token.end[0] + 1))
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            match node.body:
                case [ast.Expr(value=ast.Constant(value=str()), lineno=first, end_lineno=last), *_]:
                    lines.difference_update(range(first, (last or first) + 1))
    return lines


def functions(code: set[int], tree: ast.Module) -> list[tuple[int, str]]:
    """The lines of code and the name of each function, those within others too."""
    return [
        (len(code.intersection(range(node.lineno, (node.end_lineno or 0) + 1))), node.name)
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    ]


def measured(name: str, paths: list[Path]) -> Room:
    """Count the files of a module."""
    code, longest = 0, (0, "none")
    for path in paths:
        source = path.read_text(encoding="utf-8")
        tree = ast.parse(source)
        lines = lines_of_code(source, tree)
        code += len(lines)
        longest = max([longest, *functions(lines, tree)])
    modules = [m for n, m in MODULES.items() if n.split(".")[1] == name]
    named = {(n, what) for module in modules for n, what in documented(module).items()}
    shown = [n for n, what in named if example(what, n).examples]
    return Room(code, len(paths), longest, len(named), len(shown))


def library() -> dict[str, Room]:
    """What is counted, by module."""
    files: dict[str, list[Path]] = {}
    for path in sorted((ROOT / "nnkit").rglob("*.py")):
        name = path.relative_to(ROOT / "nnkit").with_suffix("").parts[0]
        if name != "course":
            files.setdefault(name, []).append(path)
    return {name: measured(name, paths) for name, paths in files.items()}


def hidden_cells() -> list[tuple[int, str]]:
    """The lines and the part of each cell of code that no slide shows."""
    return [
        (len([line for line in cell.source.splitlines() if line.strip()]), path.stem)
        for path in sorted((ROOT / "lectures").glob("*/*.md"))
        for cell in jupytext.read(path).cells
        if cell.cell_type == "code" and cell.metadata.get("slideshow") == {"slide_type": "skip"}
    ]


def totals(rooms: dict[str, Room], hidden: list[tuple[int, str]]) -> dict[str, int]:
    """What is held against the limits."""
    every = rooms.values()
    counts = (
        sum(room.code for room in every),
        sum(room.files for room in every),
        max(room.longest[0] for room in every),
        sum(room.exported - room.examples for room in every),
        len(hidden),
    )
    return dict(zip(COLUMNS, counts, strict=True))


def main() -> None:
    """Print the table."""
    rooms, hidden = library(), hidden_cells()
    print(f"{'module':16}{'code':>7}{'files':>7}{'examples':>12}   longest function")
    for name, room in rooms.items():
        lines, function = room.longest
        examples = f"{room.examples} of {room.exported}" if room.exported else ""
        print(f"{name:16}{room.code:7,}{room.files:7}{examples:>12}{lines:6} {function}")
    print(f"\n{'':16}{'now':>7}{'reached':>9}{'goal':>7}")
    for name, now in totals(rooms, hidden).items():
        print(f"{name:16}{now:7,}{REACHED[name]:9,}{GOAL[name]:7,}")
    lines, part = max(hidden)
    print(f"\nThe longest hidden cell has {lines} lines, in {part}.")


if __name__ == "__main__":
    main()
