"""Transfer: copy layers from net to net, freeze some, train each at a rate of its own.

Layers are chosen by number, counted as in :func:`layers` and from the end if negative, by the name
of any module, or several at once by a list, range or slice.

>>> from nnkit.models import MLP
>>> from nnkit.transfer import copy_layers, freeze, parameter_groups
>>> old, new = MLP([64, 32, 32, 10], seed=0), MLP([64, 32, 32, 5], seed=1)
>>> copy_layers(old, new, slice(-1))  # all but the last
['layers.0', 'layers.1']
>>> freeze(new, 0)
['layers.0']
>>> [group["lr"] for group in parameter_groups(new, lr=0.01, factor=10)]
[0.001, 0.01]
"""

from nnkit.transfer.copying import copy_layers
from nnkit.transfer.freezing import freeze, unfreeze
from nnkit.transfer.naming import layers
from nnkit.transfer.rates import parameter_groups

__all__ = ["copy_layers", "freeze", "layers", "parameter_groups", "unfreeze"]
