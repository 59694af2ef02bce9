# %% correct: torch's own dropout
def dropout(a, p, seed):
    torch.manual_seed(seed)
    return F.dropout(torch.tensor(np.asarray(a, dtype=float)), p, training=True).numpy()


# %% correct: binomial draws of what is kept, a division where there is one to make
def dropout(a, p, seed):
    a = np.asarray(a)
    kept = np.random.default_rng(seed).binomial(1, 1 - p, size=a.shape)
    return np.divide(a * kept, 1 - p, out=np.zeros(a.shape), where=kept > 0)


# %% wrong: p is the probability to keep
def dropout(a, p, seed):
    kept = np.random.default_rng(seed).random(np.shape(a)) < p
    return kept * a / p if p > 0 else np.zeros(np.shape(a))


# %% wrong: keeps with probability p, yet divides by 1 − p
def dropout(a, p, seed):
    kept = np.random.default_rng(seed).random(np.shape(a)) < p
    return kept * a / (1 - p) if p < 1 else np.zeros(np.shape(a))


# %% wrong: forgets the rescaling
def dropout(a, p, seed):
    return a * (np.random.default_rng(seed).random(np.shape(a)) >= p)


# %% wrong: scales down, as at the time of use in the paper
def dropout(a, p, seed):
    return a * (np.random.default_rng(seed).random(np.shape(a)) >= p) * (1 - p)


# %% wrong: the same mask for all rows
def dropout(a, p, seed):
    if p == 1:
        return np.zeros(np.shape(a))
    kept = np.random.default_rng(seed).random(np.shape(a)[-1]) >= p
    return kept * a / (1 - p)


# %% wrong: drops whole rows
def dropout(a, p, seed):
    if p == 1:
        return np.zeros(np.shape(a))
    a = np.asarray(a)
    kept = np.random.default_rng(seed).random(len(a)) >= p
    return kept.reshape(-1, *[1] * (a.ndim - 1)) * a / (1 - p)


# %% wrong: nan at p = 1
def dropout(a, p, seed):
    kept = np.random.default_rng(seed).random(np.shape(a)) >= p
    with np.errstate(all="ignore"):
        return a * (kept / np.float64(1 - p))


# %% wrong: ignores the seed
def dropout(a, p, seed):
    if p == 1:
        return np.zeros(np.shape(a))
    kept = np.random.default_rng(0).random(np.shape(a)) >= p
    return kept * a / (1 - p)


# %% wrong: drops the same number in every row
def dropout(a, p, seed):
    if p == 1:
        return np.zeros(np.shape(a))
    a, rng = np.asarray(a), np.random.default_rng(seed)
    order = rng.random(a.shape).argsort(-1)
    return np.where(order < round(p * a.shape[-1]), 0, a / (1 - p))
