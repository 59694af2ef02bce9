# %% correct: by sets and lists, with torch's generator
def split_by_group(groups, share, seed):
    members = {}
    for row, label in enumerate(groups):
        members.setdefault(label, []).append(row)
    names = list(members)
    order = torch.randperm(len(names), generator=torch.Generator().manual_seed(seed))
    training, validation = [], []
    for i in order.tolist():
        rows = members[names[i]]
        (validation if len(validation) < share * len(groups) else training).extend(rows)
    return np.array(training), np.array(validation)


# %% correct: cuts a random order of the groups where the sum is nearest to the share
def split_by_group(groups, share, seed):
    _, label, count = np.unique(groups, return_inverse=True, return_counts=True)
    order = np.random.default_rng(seed).permutation(len(count))
    total = np.cumsum(count[order])
    cut = 1 + np.argmin(np.abs(total - share * len(label)))
    held_out = np.isin(label, order[:cut])
    return np.where(~held_out)[0], np.where(held_out)[0]


# %% wrong: splits the rows at random
def split_by_group(groups, share, seed):
    order = np.random.default_rng(seed).permutation(len(groups))
    first = round(share * len(groups))
    return order[first:], order[:first]


# %% wrong: the groups in their order, no draw
def split_by_group(groups, share, seed):
    groups = np.asarray(groups)
    chosen = np.zeros(len(groups), dtype=bool)
    for name in np.unique(groups):
        if chosen.sum() < share * len(groups):
            chosen |= groups == name
    return np.flatnonzero(~chosen), np.flatnonzero(chosen)


# %% wrong: training and validation swapped
def split_by_group(groups, share, seed):
    groups = np.asarray(groups)
    chosen = np.zeros(len(groups), dtype=bool)
    for name in np.random.default_rng(seed).permutation(np.unique(groups)):
        if chosen.sum() < share * len(groups):
            chosen |= groups == name
    return np.flatnonzero(chosen), np.flatnonzero(~chosen)


# %% wrong: one group, whatever the share
def split_by_group(groups, share, seed):
    groups = np.asarray(groups)
    name = np.random.default_rng(seed).choice(np.unique(groups))
    return np.flatnonzero(groups != name), np.flatnonzero(groups == name)


# %% wrong: one row of each group is left over
def split_by_group(groups, share, seed):
    groups = np.asarray(groups)
    names, first = np.unique(groups, return_index=True)
    chosen = np.zeros(len(groups), dtype=bool)
    for name in np.random.default_rng(seed).permutation(names):
        if chosen.sum() < share * len(groups):
            chosen |= groups == name
    rest = np.setdiff1d(np.arange(len(groups)), first)
    return rest[~chosen[rest]], rest[chosen[rest]]


# %% wrong: neighbouring rows, as if they were the groups
def split_by_group(groups, share, seed):
    n = len(groups)
    start = int(np.random.default_rng(seed).integers(n))
    validation = (start + np.arange(round(share * n))) % n
    return np.setdiff1d(np.arange(n), validation), validation


# %% wrong: another split at every call
def split_by_group(groups, share, seed):
    groups = np.asarray(groups)
    chosen = np.zeros(len(groups), dtype=bool)
    for name in np.random.default_rng().permutation(np.unique(groups)):
        if chosen.sum() < share * len(groups):
            chosen |= groups == name
    return np.flatnonzero(~chosen), np.flatnonzero(chosen)
