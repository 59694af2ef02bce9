"""The same random numbers for every student."""

import random
import sys


def seed() -> None:
    """Seed the generators that a homework may draw from, as far as they are imported."""
    random.seed(0)
    if numpy := sys.modules.get("numpy"):
        numpy.random.seed(0)
    if torch := sys.modules.get("torch"):
        torch.manual_seed(0)
