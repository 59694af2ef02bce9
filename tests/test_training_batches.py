"""Batches: every row once, in an order that a DataLoader would give, in little memory."""

import random

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.utils.data import (
    DataLoader,
    Dataset,
    IterableDataset,
    RandomSampler,
    Subset,
    SubsetRandomSampler,
    TensorDataset,
    WeightedRandomSampler,
)

from nnkit.training import _batches as room
from nnkit.training._batches import LoaderBatches, TensorBatches, make_batches, total_batches
from nnkit.training._pytree import forward, move, rows_of, unpack
from nnkit.training._randomness import get_random_state, random_state_kept, seeded, set_random_state

CPU = torch.device("cpu")


def pair(n: int, width: int = 3) -> tuple[torch.Tensor, torch.Tensor]:
    return torch.arange(n * width, dtype=torch.float32).reshape(n, width), torch.arange(n)


def drawn(batches) -> list[tuple[list, list]]:
    return [(x.tolist(), y.tolist()) for x, y in batches]


@settings(max_examples=40, deadline=None)
@given(
    n=st.integers(1, 70), size=st.integers(1, 80), block=st.integers(1, 2000), mixed=st.booleans()
)
def test_every_row_comes_once_whatever_the_sizes(n, size, block, mixed):
    x, y = pair(n)
    before, room.BLOCK_BYTES = room.BLOCK_BYTES, block
    try:
        batches = make_batches((x, y), size, CPU, shuffle=mixed)
        parts = list(batches)
    finally:
        room.BLOCK_BYTES = before
    rows = torch.cat([part for _, part in parts])
    assert rows.sort().values.tolist() == list(range(n))
    assert torch.equal(torch.cat([part for part, _ in parts]), x[rows])
    assert len(batches) == len(parts) == -(-n // size)
    assert [len(part) for _, part in parts[:-1]] == [size] * (len(parts) - 1)
    assert mixed or rows.tolist() == list(range(n))


def test_each_pass_has_its_own_order():
    batches = make_batches(pair(50), 50, CPU, shuffle=True)
    assert drawn(batches) != drawn(batches)


LOADERS = {
    "shuffled": {"batch_size": 7, "shuffle": True},
    "in order": {"batch_size": 7},
    "one batch": {"batch_size": 100, "shuffle": True},
    "last dropped": {"batch_size": 7, "shuffle": True, "drop_last": True},
    "with replacement": {"batch_size": 7, "sampler": lambda d: RandomSampler(d, replacement=True)},
    "more than all": {"batch_size": 7, "sampler": lambda d: RandomSampler(d, num_samples=61)},
    "fewer than all": {"batch_size": 7, "sampler": lambda d: RandomSampler(d, num_samples=9)},
    "weighted": {"batch_size": 7, "sampler": lambda d: WeightedRandomSampler(torch.rand(25), 40)},
    "subset": {"batch_size": 7, "sampler": lambda d: SubsetRandomSampler(range(3, 20))},
}


@pytest.mark.parametrize("own_generator", [False, True])
@pytest.mark.parametrize("name", LOADERS)
def test_a_loader_over_tensors_gives_the_same_batches_from_the_same_random_numbers(
    name, own_generator
):
    dataset = TensorDataset(*pair(25))
    options = dict(LOADERS[name])
    generator = torch.Generator() if own_generator else None
    if "sampler" in options:
        options["sampler"] = options["sampler"](dataset)
    loader = DataLoader(dataset, generator=generator, **options)
    fast = make_batches(loader, 1, CPU, shuffle=True)
    assert isinstance(fast, TensorBatches)
    assert len(fast) == len(loader)
    passes = []
    for source in (loader, fast):
        torch.manual_seed(5)
        if generator is not None:
            generator.manual_seed(6)
        passes.append([drawn(source), torch.rand(1).item(), drawn(source), torch.rand(1).item()])
    assert passes[0] == passes[1]


class Pairs(Dataset):
    def __len__(self):
        return 10

    def __getitem__(self, i):
        return torch.full((2,), float(i)), i


class Stream(IterableDataset):
    def __iter__(self):
        return iter([(torch.full((2,), float(i)), i) for i in range(5)])


class OwnDataset(TensorDataset):
    def __getitem__(self, i):
        x, y = super().__getitem__(i)
        return x + 1000, y


class AtOnce:
    """Draws when it is asked for an iterator, not with the first batch."""

    def __iter__(self):
        return iter(torch.randperm(10).view(2, 5).tolist())


def doubled(items):
    x, y = torch.utils.data.default_collate(items)
    return 2 * x, y


@pytest.mark.parametrize(
    "loader",
    [
        DataLoader(Pairs(), 4, shuffle=True),
        DataLoader(Stream(), 2),
        DataLoader(OwnDataset(*pair(10)), 4, shuffle=True),
        DataLoader(Subset(Pairs(), [4, 2, 9, 1, 0]), 2, shuffle=True),
        DataLoader(TensorDataset(*pair(10)), 4, collate_fn=doubled),
        DataLoader(TensorDataset(*pair(10)), 4, sampler=[3, 1, 2]),
        DataLoader(TensorDataset(*pair(10)), batch_sampler=[[1, 2], [3]]),
        DataLoader(TensorDataset(*pair(10)), batch_sampler=AtOnce()),
        DataLoader(TensorDataset(*pair(10)), batch_size=None),
        DataLoader(TensorDataset(*pair(10)), 4, num_workers=1),
    ],
    ids=[
        "own",
        "stream",
        "class",
        "subset",
        "collate",
        "sampler",
        "batches",
        "at once",
        "single",
        "worker",
    ],
)
def test_any_other_loader_is_gone_through_as_it_is(loader):
    batches = make_batches(loader, 1, CPU, shuffle=True)
    assert isinstance(batches, LoaderBatches)
    assert batches.targets is None
    torch.manual_seed(3)
    theirs = drawn(loader), torch.rand(1)
    torch.manual_seed(3)
    assert (drawn(batches), torch.rand(1)) == theirs


def test_a_data_set_is_shuffled_only_for_training_and_a_stream_never():
    assert drawn(make_batches(Pairs(), 10, CPU, shuffle=False))[0][1] == list(range(10))
    assert drawn(make_batches(Pairs(), 10, CPU, shuffle=True))[0][1] != list(range(10))
    assert drawn(make_batches(Stream(), 10, CPU, shuffle=True))[0][1] == list(range(5))
    assert isinstance(make_batches(TensorDataset(*pair(4)), 2, CPU, shuffle=True), TensorBatches)


def test_several_inputs_come_as_a_tuple():
    x, y = pair(10)
    for data in (
        ((x, x[:, :1]), y),
        TensorDataset(x, x[:, :1], y),
        DataLoader(
            TensorDataset(x, x[:, :1], y),
            4,
            collate_fn=lambda b: torch.utils.data.default_collate(b),
        ),
    ):
        (first, second), target = next(iter(make_batches(data, 4, CPU, shuffle=False)))
        assert torch.equal(first, x[:4])
        assert torch.equal(second, x[:4, :1])
        assert torch.equal(target, y[:4])


def test_nested_parts_are_moved():
    x = torch.ones(2)
    moved = move([(x, {"a": x}), "text"], torch.device("meta"))
    assert moved[0][0].device.type == moved[0][1]["a"].device.type == "meta"
    assert moved[1] == "text"


@pytest.mark.parametrize("batch", [torch.ones(3), [torch.ones(3)], {"x": 1}])
def test_a_batch_that_is_no_pair_is_refused(batch):
    with pytest.raises(TypeError, match="it must be a pair"):
        unpack(batch)


ROWS = {
    "a tensor": torch.ones(4, 2),
    "several": [torch.ones(4), torch.ones(4, 3)],
    "a dict": {"a": torch.ones(4, 2)},
    "names first": {"id": ["r0", "r1", "r2", "r3"], "y": torch.ones(4)},
    "a tuple of names": (("r0", "r1", "r2", "r3"), torch.ones(4)),
    "names alone": ["a", "b", "c", "d"],
    "a number beside": {"weight": torch.tensor(2.0), "y": torch.ones(4)},
    "nested": {"head": {"name": ["a"] * 4, "y": [torch.ones(4)]}},
    "a number": torch.tensor(1.0),
}


@pytest.mark.parametrize("name", ROWS)
def test_the_rows_of_a_batch_are_counted_whatever_its_target_is_made_of(name):
    assert rows_of(torch.ones(9), ROWS[name]) == (1 if name == "a number" else 4)


def test_rows_are_counted_at_the_inputs_if_the_target_has_none():
    assert rows_of(torch.ones(3, 2), {"weight": 2.0}) == 3
    assert rows_of({"a": torch.ones(3, 2)}, None) == 3
    assert rows_of(None, None) == 1
    with pytest.raises(ValueError, match=r"have 2, 3 rows: .* weighs in a mean. Hint: rows come"):
        rows_of(torch.ones(4), {"a": torch.ones(2), "b": torch.ones(3)})
    assert rows_of(torch.ones(3), {"a": torch.ones(2), "b": torch.ones(3)}) == 3


def test_a_model_is_called_with_what_it_takes():
    assert forward(lambda *a, **k: (a, k), (1, 2)) == ((1, 2), {})
    assert forward(lambda *a, **k: (a, k), {"b": 2}) == ((), {"b": 2})
    assert forward(lambda *a, **k: (a, k), "text") == (("text",), {})


def test_no_batch_shares_memory_with_the_data():
    x, y = pair(10)
    for shuffle in (True, False):
        batches = make_batches((x, y), 4, CPU, shuffle)
        for part, target in (*batches, batches.peek(4)):
            part.zero_()
            target.zero_()
    assert torch.equal(x, pair(10)[0])
    assert torch.equal(y, pair(10)[1])


def test_data_go_to_a_gpu_as_a_whole_if_they_take_half_its_free_memory_at_most(monkeypatch):
    x, y = pair(100)  # 1,200 + 800 bytes
    gpu = torch.device("cuda")
    for free, fits in ((4000, True), (3999, False)):
        monkeypatch.setattr(torch.cuda, "mem_get_info", lambda device, free=free: (free, 10**9))
        assert room._fits((x, y), gpu) == fits
    assert room._fits((x, y), CPU)


def test_batches_come_to_the_device():
    meta = torch.device("meta")
    x, y = next(iter(make_batches((*pair(4)[:1], torch.ones(4)), 2, meta, shuffle=False)))
    assert x.device == y.device == meta


def test_a_trial_holds_the_row_that_is_not_finite_and_draws_nothing():
    x, y = pair(10)
    x[7, 1] = float("inf")
    state = torch.get_rng_state()
    trial, _ = make_batches((x, y), 4, CPU, shuffle=True).peek(4)
    assert not trial.isfinite().all()
    assert len(trial) == 4
    bad = y.float()
    bad[9] = float("nan")
    _, target = make_batches((torch.ones(10, 2), bad), 4, CPU, shuffle=True).peek(4)
    assert not target.isfinite().all()
    assert make_batches(DataLoader(Pairs(), 4, shuffle=True), 4, CPU, shuffle=True).peek(4)
    assert torch.equal(state, torch.get_rng_state())


def test_the_number_of_batches_may_be_unknown():
    assert total_batches(make_batches(pair(10), 4, CPU, shuffle=True), 3) == 9
    assert total_batches(make_batches(Stream(), 4, CPU, shuffle=True), 3) is None


def draws() -> list[float]:
    return [torch.rand(1).item(), float(np.random.rand()), random.random()]


def test_random_states_are_kept_saved_and_set():
    state = get_random_state()
    first = draws()
    set_random_state(state)
    with random_state_kept():
        draws()
    with seeded(3):
        a = draws()
    with seeded(3):
        b = draws()
    assert draws() == first
    assert a == b
    with seeded(None):
        c = draws()
    assert c not in (a, first)


def test_states_of_other_devices_are_set_where_there_are_such_devices(monkeypatch):
    state = get_random_state() | {"cuda": ["a", "b"], "mps": "c"}
    seen = []
    set_random_state(state)  # here there are none
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    monkeypatch.setattr(torch.cuda, "set_rng_state", lambda s, i: seen.append((s, i)))
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: True)
    monkeypatch.setattr(torch.mps, "set_rng_state", seen.append)
    set_random_state(state)
    assert seen == [("a", 0), "c"]
