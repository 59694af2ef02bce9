"""What to type when an extra is missing."""


def install(extra: str) -> str:
    """Give pip's command for an extra, as in ``install("lab")``.

    It names the distribution: `nnkit`, as the package is imported, is another one on the index.
    """
    return f'pip install "nnkit-course[{extra}]"'
