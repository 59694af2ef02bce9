"""Which solutions say the same in other names?"""

import ast
import io
import keyword
import tokenize
from collections.abc import Mapping, Sequence

import numpy as np

LENGTH = 5  # tokens in a shingle
SKIPPED = (
    *(tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.ENCODING),
    *(tokenize.INDENT, tokenize.DEDENT, tokenize.ENDMARKER),
)
Shingles = frozenset[tuple[str, ...]]


def shingles(source: str) -> Shingles:
    """Cut code into overlapping runs of five tokens, blind to names, comments and layout.

    Args:
        source: Python; what does not parse is cut at its blanks instead.

    Returns:
        The runs. Names are all one, but an attribute keeps its own: ``_ . exp ( _``.
    """
    try:
        tokens = _tokens(ast.unparse(_without_docstrings(ast.parse(source))))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        tokens = source.split()
    return frozenset(tuple(tokens[i : i + LENGTH]) for i in range(max(1, len(tokens) - LENGTH + 1)))


def _all(cells: Sequence[str]) -> Shingles:
    return frozenset().union(*map(shingles, cells))


def _without_docstrings(tree: ast.Module) -> ast.Module:
    for node in ast.walk(tree):
        body = getattr(node, "body", None)
        if isinstance(body, list):
            said = [n for n in body if not (isinstance(n, ast.Expr) and _is_text(n.value))]
            body[:] = said or [ast.Pass()]
    return tree


def _is_text(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and isinstance(node.value, str)


def _tokens(code: str) -> list[str]:
    tokens: list[str] = []
    for token in tokenize.generate_tokens(io.StringIO(code).readline):
        if token.type in SKIPPED:
            continue
        name = token.type == tokenize.NAME and not keyword.iskeyword(token.string)
        tokens.append("_" if name and tokens[-1:] != ["."] else token.string)
    return tokens


def similar_pairs(
    solutions: Mapping[str, Sequence[str]], stub: Sequence[str], threshold: float = 0.8
) -> list[tuple[float, str, str]]:
    """Find pairs of students whose code is suspiciously alike.

    The Jaccard index of the sets of shingles, each weighted by how rare it is in the class
    (inverse document frequency): what everybody writes says little, what two alone write much.

    Args:
        solutions: for each student the sources of the solution cells.
        stub: those of the released notebook; what they hold is left out.
        threshold: the least similarity that is reported, between 0 and 1.

    Returns:
        The similarity and the two students, most similar first.
    """
    given = _all(stub)
    written = {student: _all(cells) - given for student, cells in solutions.items()}
    written = {student: found for student, found in written.items() if found}
    students = list(written)
    columns = {s: i for i, s in enumerate(sorted(frozenset().union(*written.values())))}
    has = np.zeros((len(students), len(columns)), dtype=np.float32)  # (students, shingles)
    for row, student in zip(has, students, strict=True):
        row[[columns[s] for s in written[student]]] = 1
    weight = np.log((len(students) + 1) / has.sum(0).clip(1))
    shared = (has * weight) @ has.T  # (students, students)
    own = shared.diagonal()
    similarity = shared / (own[:, None] + own[None, :] - shared).clip(1e-12)
    pairs = [
        (float(similarity[i, j]), students[i], students[j])
        for i, j in zip(*np.triu_indices(len(students), 1), strict=True)
        if similarity[i, j] >= threshold
    ]
    return sorted(pairs, key=lambda pair: (-pair[0], *pair[1:]))
