# %% correct: a loop over all positions, smallest first
def prune_masks(weights, share):
    places = [(abs(v), i, j) for i, w in enumerate(weights) for j, v in enumerate(w.flatten())]
    masks = [np.ones(w.size, dtype=bool) for w in weights]
    for _, i, j in sorted(places)[: round(share * len(places))]:
        masks[i][j] = False
    return [m.reshape(w.shape) for m, w in zip(masks, weights, strict=True)]


def sparsity_at(step, steps, end):
    left = (steps - step) / steps
    return end - end * left**3


# %% correct: torch's topk of what stays
def prune_masks(weights, share):
    sizes = torch.cat([torch.tensor(np.array(w)).abs().flatten() for w in weights])
    stay = len(sizes) - int(share * len(sizes) + 0.5)
    mask = torch.zeros(len(sizes), dtype=torch.bool)
    mask[sizes.topk(stay).indices] = True
    parts = mask.split([w.size for w in weights])
    return [m.numpy().reshape(w.shape) for m, w in zip(parts, weights, strict=True)]


def sparsity_at(step, steps, end):
    t = step / steps
    return end * t * (3 - 3 * t + t**2)


# %% wrong: a threshold for each layer
def prune_masks(weights, share):
    masks = []
    for w in weights:
        kept = np.ones(w.size, dtype=bool)
        kept[np.argsort(np.abs(w).ravel())[: round(share * w.size)]] = False
        masks.append(kept.reshape(w.shape))
    return masks


def sparsity_at(step, steps, end):
    return end * (1 - (1 - step / steps) ** 3)


# %% wrong: the smallest values, not the smallest sizes
def prune_masks(weights, share):
    sizes = np.concatenate([w.ravel() for w in weights])
    kept = np.ones(len(sizes), dtype=bool)
    kept[np.argsort(sizes)[: round(share * len(sizes))]] = False
    parts = np.split(kept, np.cumsum([w.size for w in weights])[:-1])
    return [m.reshape(w.shape) for m, w in zip(parts, weights, strict=True)]


def sparsity_at(step, steps, end):
    return end * (1 - (1 - step / steps) ** 3)


# %% wrong: True for what is dropped
def prune_masks(weights, share):
    sizes = np.concatenate([np.abs(w).ravel() for w in weights])
    dropped = np.zeros(len(sizes), dtype=bool)
    dropped[np.argsort(sizes)[: round(share * len(sizes))]] = True
    parts = np.split(dropped, np.cumsum([w.size for w in weights])[:-1])
    return [m.reshape(w.shape) for m, w in zip(parts, weights, strict=True)]


def sparsity_at(step, steps, end):
    return end * (1 - (1 - step / steps) ** 3)


# %% wrong: a threshold alone, which drops all equals
def prune_masks(weights, share):
    sizes = np.sort(np.concatenate([np.abs(w).ravel() for w in weights]))
    count = round(share * len(sizes))
    threshold = sizes[count - 1] if count else -1.0
    return [np.abs(w) > threshold for w in weights]


def sparsity_at(step, steps, end):
    return end * (1 - (1 - step / steps) ** 3)


# %% wrong: a quantile as the threshold, which keeps all equals
def prune_masks(weights, share):
    sizes = np.concatenate([np.abs(w).ravel() for w in weights])
    return [np.abs(w) >= np.quantile(sizes, share) for w in weights]


def sparsity_at(step, steps, end):
    return end * (1 - (1 - step / steps) ** 3)


# %% wrong: rounds down
def prune_masks(weights, share):
    sizes = np.concatenate([np.abs(w).ravel() for w in weights])
    kept = np.ones(len(sizes), dtype=bool)
    kept[np.argsort(sizes)[: int(share * len(sizes))]] = False
    parts = np.split(kept, np.cumsum([w.size for w in weights])[:-1])
    return [m.reshape(w.shape) for m, w in zip(parts, weights, strict=True)]


def sparsity_at(step, steps, end):
    return end * (1 - (1 - step / steps) ** 3)


# %% wrong: an even schedule
def prune_masks(weights, share):
    sizes = np.concatenate([np.abs(w).ravel() for w in weights])
    kept = np.ones(len(sizes), dtype=bool)
    kept[np.argsort(sizes)[: round(share * len(sizes))]] = False
    parts = np.split(kept, np.cumsum([w.size for w in weights])[:-1])
    return [m.reshape(w.shape) for m, w in zip(parts, weights, strict=True)]


def sparsity_at(step, steps, end):
    return end * step / steps


# %% wrong: slow at first and fast at the end
def prune_masks(weights, share):
    sizes = np.concatenate([np.abs(w).ravel() for w in weights])
    kept = np.ones(len(sizes), dtype=bool)
    kept[np.argsort(sizes)[: round(share * len(sizes))]] = False
    parts = np.split(kept, np.cumsum([w.size for w in weights])[:-1])
    return [m.reshape(w.shape) for m, w in zip(parts, weights, strict=True)]


def sparsity_at(step, steps, end):
    return end * (step / steps) ** 3
