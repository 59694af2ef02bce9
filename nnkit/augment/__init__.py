"""Augmentation: random changes of training examples that keep what they show.

``nnkit.augment.images`` changes batches of pictures, and masks with them; ``nnkit.augment.text``
sentences; ``nnkit.augment.speech`` waveforms. What a transform of a batch is, ``(x, y) -> (x, y)``,
goes into ``fit(..., transform=...)``, which applies it to training batches and to nothing else.
"""

__all__ = ["images", "speech", "text"]
