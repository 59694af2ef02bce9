"""The homework as it was released goes along inside it: what students are judged against."""

import base64
import json
import zlib
from typing import Any

from nbgrader.preprocessors import NbGraderPreprocessor

KEY = "nnkit"  # of a notebook's metadata
LARGEST = 16 << 20  # bytes, unpacked


class Enclose(NbGraderPreprocessor):  # type: ignore[misc]
    """The last step of nbgrader's generate_assignment: keep what students get where edits spare it.

    They edit, move, copy and delete cells; then the tests and the given cells are still the
    teacher's, as they are when the homework is graded.
    """

    def preprocess(self, nb: Any, resources: Any) -> tuple[Any, Any]:
        """Write the notebook into its own metadata."""
        nb.metadata.pop(KEY, None)
        text = json.dumps({**nb, "nbformat": 4, "nbformat_minor": 5}, sort_keys=True)
        packed = base64.b64encode(zlib.compress(text.encode(), 9)).decode()
        nb.metadata[KEY] = {"release": packed}
        return nb, resources


def enclosed(notebook: Any) -> Any:
    """Give the homework as it was released.

    Args:
        notebook: what a student has made of it, as JSON holds it.

    Raises:
        ValueError: if it is not in there; also LookupError or TypeError if the notebook is none.
    """
    import nbformat
    from nbgrader.nbgraderformat import MetadataValidator

    packed = notebook["metadata"][KEY]["release"]
    unpacker = zlib.decompressobj()
    try:
        text = unpacker.decompress(base64.b64decode(packed), LARGEST)
    except zlib.error as error:
        raise ValueError(str(error)) from None
    release = nbformat.from_dict(json.loads(text))
    for cell in release.cells:
        MetadataValidator().validate_cell(cell)
    return release
