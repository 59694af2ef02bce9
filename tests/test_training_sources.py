"""A resumed run draws what the uninterrupted one would, from whatever it draws."""

import functools
import os
import random
import threading

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from torch import nn
from torch.utils.data import (
    BatchSampler,
    DataLoader,
    Dataset,
    IterableDataset,
    RandomSampler,
    Sampler,
    SubsetRandomSampler,
    TensorDataset,
    WeightedRandomSampler,
)

from nnkit.augment._compose import Compose
from nnkit.regularizers import InputNoise
from nnkit.training import Callback, Checkpoint, fit
from nnkit.training import _checkpoint as checkpoint

G = torch.Generator().manual_seed(0)
X = torch.randn(24, 3, generator=G)
Y = X.sum(1, keepdim=True)
shared = torch.Generator()  # a global one, as in a notebook


class Killed(Exception):
    """As if the process had ended here."""


class StopAfter(Callback):
    def __init__(self, epoch):
        self.epoch = epoch

    def on_epoch_begin(self, run):
        if run.epoch > self.epoch:
            raise Killed


class ByPass(Sampler):
    """Seeds itself by the number of the pass, as samplers of one's own often do."""

    def __init__(self):
        self.passes = 0

    def __len__(self):
        return len(X)

    def __iter__(self):
        self.passes += 1
        return iter(
            torch.randperm(len(X), generator=torch.Generator().manual_seed(self.passes)).tolist()
        )


class ByNumpy(ByPass):
    def __init__(self, generator):
        self.rng = generator

    def __iter__(self):
        return iter(self.rng.permutation(len(X)).tolist())


class Noisy(Dataset):
    """Rows with noise of a generator of its own."""

    def __init__(self, rng):
        self.rng = rng

    def __len__(self):
        return len(X)

    def __getitem__(self, i):
        return X[i] + self.rng.gauss(0, 0.1), Y[i]


class NoisyStream(IterableDataset):
    def __init__(self):
        self.generator = torch.Generator().manual_seed(5)

    def __iter__(self):
        for i in torch.randperm(len(X), generator=self.generator):
            yield X[i], Y[i]


class StreamByPass(ByPass, IterableDataset):
    def __iter__(self):
        return ((X[i], Y[i]) for i in super().__iter__())


class ByRow(Dataset):
    rows = 0

    def __len__(self):
        return len(X)

    def __getitem__(self, i):
        self.rows += 1
        return X[i] + 0.01 * (self.rows % 17), Y[i]


class ByNumpysPass(ByPass):
    def __init__(self):
        self.passes = np.int64(0)

    def __iter__(self):
        self.passes += 1
        return iter(np.random.default_rng(self.passes).permutation(len(X)).tolist())


def noise_of(generator):
    return lambda x, y: (x + 0.1 * torch.randn(x.shape, generator=generator), y)


def global_noise(x, y):
    return x + 0.1 * torch.randn(x.shape, generator=shared), y


def annealed():
    """Noise that becomes smaller with every call."""

    class Annealed:
        calls = 0

        def __call__(self, x, y):
            self.calls += 1
            return x + torch.randn_like(x) / self.calls, y

    return Annealed()


class AnnealedModule(nn.Module):
    calls = 0

    def forward(self, x, y):
        self.calls += 1
        return x / self.calls, y


def seeded(seed=7):
    return torch.Generator().manual_seed(seed)


D = TensorDataset(X, Y)
DATA = {
    "tensors": lambda: (X, Y),
    "a generator": lambda: DataLoader(D, 5, shuffle=True, generator=seeded()),
    "in the sampler": lambda: DataLoader(D, 5, sampler=RandomSampler(D, generator=seeded())),
    "in the batch sampler": lambda: DataLoader(
        D, batch_sampler=BatchSampler(RandomSampler(D, generator=seeded()), 5, False)),
    "weighted": lambda: DataLoader(
        D, 5, sampler=WeightedRandomSampler(torch.rand(24), 20, generator=seeded())),
    "a subset": lambda: DataLoader(
        D, 5, sampler=SubsetRandomSampler(range(20), generator=seeded())),
    "by the pass": lambda: DataLoader(D, 5, sampler=ByPass()),
    "by the pass in batches": lambda: DataLoader(D, batch_sampler=BatchSampler(ByPass(), 5, True)),
    "NumPy": lambda: DataLoader(D, 5, sampler=ByNumpy(np.random.default_rng(3))),
    "Mersenne": lambda: DataLoader(D, 5, sampler=ByNumpy(np.random.RandomState(3))),
    "Philox": lambda: DataLoader(D, 5, sampler=ByNumpy(np.random.Generator(np.random.Philox(3)))),
    "noisy rows": lambda: DataLoader(Noisy(random.Random(2)), 5, shuffle=True),
    "noisy data set": lambda: Noisy(random.Random(2)),
    "a stream": lambda: DataLoader(NoisyStream(), 5),
    "a stream by the pass": lambda: DataLoader(StreamByPass(), 5),
    "by the row": lambda: DataLoader(ByRow(), 5),
    "a counter of NumPy": lambda: DataLoader(D, 5, sampler=ByNumpysPass()),
    "a worker": lambda: DataLoader(Noisy(random.Random(2)), 12, num_workers=1, shuffle=True,
                                   generator=seeded()),
}  # fmt: skip
TRANSFORMS = {
    "none": lambda: None,
    "its own": lambda: InputNoise(0.1, generator=seeded()),
    "composed": lambda: Compose(InputNoise(0.1, generator=seeded()), noise_of(seeded(8))),
    "closure": lambda: noise_of(seeded()),
    "global": lambda: shared.manual_seed(1) and global_noise,
    "partial": lambda: functools.partial(lambda x, y, by: by(x, y), by=InputNoise(0.1, seeded())),
    "annealed": annealed,
    "a module": lambda: AnnealedModule(),
}


def run(path, data, transform, until=None, epochs=4, **options):
    torch.manual_seed(1)
    model = nn.Sequential(nn.Linear(3, 4), nn.Dropout(0.2), nn.Linear(4, 1))
    callbacks = [Checkpoint(path), StopAfter(epochs if until is None else until)]
    options = {"loss": F.mse_loss, "seed": 2, "epochs": epochs, "batch_size": 5} | options
    try:
        history = fit(model, DATA[data](), transform=TRANSFORMS[transform](), callbacks=callbacks,
                      resume=path, **options)  # fmt: skip
    except Killed:
        return None
    rows = [{k: v for k, v in row.items() if k != "seconds"} for row in history]
    return rows, [p.tolist() for p in model.parameters()]


@settings(
    max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    data=st.sampled_from(sorted(set(DATA) - {"a worker"})),
    transform=st.sampled_from(sorted(TRANSFORMS)),
    until=st.integers(1, 3),
    validated=st.booleans(),
    seed=st.sampled_from([None, 2]),
)
def test_a_resumed_run_is_the_uninterrupted_one(
    tmp_path_factory, data, transform, until, validated, seed
):
    folder = tmp_path_factory.mktemp("runs")
    options = {"seed": seed, "validation": DATA["tensors"]() if validated else None}
    whole = run(folder / "whole.pt", data, transform, **options)
    assert run(folder / "part.pt", data, transform, until=until, **options) is None
    assert run(folder / "part.pt", data, transform, **options) == whole


@pytest.mark.parametrize("data", DATA)
def test_every_kind_of_data_is_resumed(tmp_path, data):
    whole = run(tmp_path / "whole.pt", data, "none")
    run(tmp_path / "part.pt", data, "none", until=2)
    assert run(tmp_path / "part.pt", data, "none") == whole


def test_what_persistent_workers_draw_from_cannot_be_kept(tmp_path):
    loader = DataLoader(D, 5, num_workers=1, persistent_workers=True)
    with pytest.raises(ValueError, match=r"Hint: DataLoader\(…, persistent_workers=False\)"):
        fit(nn.Linear(3, 1), loader, loss=F.mse_loss, callbacks=[Checkpoint(tmp_path / "run.pt")])
    assert len(fit(nn.Linear(3, 1), loader, loss=F.mse_loss, epochs=2)) == 2


def test_several_writers_leave_a_valid_file_at_every_moment(tmp_path):
    path = tmp_path / "run.pt"
    states = [
        {"format": checkpoint.FORMAT, "number": torch.full((2000,), float(i))} for i in range(4)
    ]
    checkpoint.write_atomically(states[0], path)
    seen, errors = set(), []

    def write(state):
        try:
            for _ in range(15):
                checkpoint.write_atomically(state, path)
        except Exception as error:
            errors.append(error)

    writers = [threading.Thread(target=write, args=(state,)) for state in states]
    for writer in writers:
        writer.start()
    while any(writer.is_alive() for writer in writers):
        number = checkpoint.read(path)["number"]
        assert torch.equal(number, number[:1].expand(2000))
        seen.add(number[0].item())
    assert not errors
    assert seen
    assert sorted(file.name for file in tmp_path.iterdir()) == ["run.pt", "run.pt.previous"]


def test_what_killed_writers_left_is_removed_once_it_is_old(tmp_path):
    old, young, other = (tmp_path / name for name in ("run.pt.1-0a", "run.pt.2-0b", "run2.pt.1-0c"))
    for file in (old, young, other):
        file.write_bytes(b"half")
    for file in (old, other):
        os.utime(file, (0, 0))
    run(tmp_path / "run.pt", "tensors", "none")
    left = sorted(file.name for file in tmp_path.iterdir())
    assert left == ["run.pt", "run.pt.2-0b", "run.pt.previous", "run2.pt.1-0c"]
