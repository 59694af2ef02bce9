"""nnkit: the small PyTorch library behind a course on neural networks that checks itself.

Rooms: ``activations``, ``losses``, ``layers``, ``models`` and ``graph`` (networks),
``optim`` (update rules), ``symmetry`` (of weight space), ``hypernetworks``, ``regularizers``,
``augment`` (images, text, speech), ``data``, ``training`` (the loop), ``sweep`` (many models at
once), ``dropout``, ``transfer`` and ``pruning`` (of trained nets), ``plots`` and ``interact``
(pictures), ``course`` (the ``nnkit`` command). Each is imported by name, as in
``from nnkit.training import fit``, so that a program pays only for the rooms it enters.
"""

__version__ = "0.1.0"
