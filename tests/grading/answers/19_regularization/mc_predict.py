# %% correct: a loop over the samples that adds up sums and squares
def mc_predict(X, W1, b1, w2, b2, p, samples, seed):
    rng = np.random.default_rng(seed)
    h = np.maximum(X @ W1.T + b1, 0)
    total, squares = np.zeros(len(X)), np.zeros(len(X))
    for _ in range(samples):
        m = rng.binomial(1, 1 - p, size=h.shape)
        f = 1 / (1 + np.exp(-((h * m / (1 - p)) @ w2 + b2)))
        total, squares = total + f, squares + f**2
    mean = total / samples
    return mean, np.sqrt(np.maximum(squares / samples - mean**2, 0))


# %% correct: torch's dropout on a batch of copies
def mc_predict(X, W1, b1, w2, b2, p, samples, seed):
    torch.manual_seed(seed)
    X, W1, b1, w2 = (torch.tensor(np.ascontiguousarray(a)) for a in (X, W1, b1, w2))
    h = F.relu(F.linear(X, W1, b1)).expand(samples, len(X), len(w2))
    outputs = torch.sigmoid(F.dropout(h, p) @ w2 + b2)
    return outputs.mean(0).numpy(), outputs.std(0, correction=0).numpy()


# %% wrong: p is the probability to keep
def mc_predict(X, W1, b1, w2, b2, p, samples, seed):
    h = np.maximum(X @ W1.T + b1, 0)
    kept = np.random.default_rng(seed).random((samples, *h.shape)) < p
    f = 1 / (1 + np.exp(-((kept * h / (p or 1)) @ w2 + b2)))
    return f.mean(0), f.std(0)


# %% wrong: forgets the rescaling
def mc_predict(X, W1, b1, w2, b2, p, samples, seed):
    h = np.maximum(X @ W1.T + b1, 0)
    kept = np.random.default_rng(seed).random((samples, *h.shape)) >= p
    f = 1 / (1 + np.exp(-((kept * h) @ w2 + b2)))
    return f.mean(0), f.std(0)


# %% wrong: all rows share their masks
def mc_predict(X, W1, b1, w2, b2, p, samples, seed):
    h = np.maximum(X @ W1.T + b1, 0)
    kept = np.random.default_rng(seed).random((samples, 1, len(w2))) >= p
    f = 1 / (1 + np.exp(-((kept * h / (1 - p)) @ w2 + b2)))
    return f.mean(0), f.std(0)


# %% wrong: one mask for all samples
def mc_predict(X, W1, b1, w2, b2, p, samples, seed):
    h = np.maximum(X @ W1.T + b1, 0)
    kept = np.random.default_rng(seed).random(h.shape) >= p
    f = np.stack([1 / (1 + np.exp(-((kept * h / (1 - p)) @ w2 + b2))) for _ in range(samples)])
    return f.mean(0), f.std(0)


# %% wrong: the standard error of the mean in place of the spread
def mc_predict(X, W1, b1, w2, b2, p, samples, seed):
    h = np.maximum(X @ W1.T + b1, 0)
    kept = np.random.default_rng(seed).random((samples, *h.shape)) >= p
    f = 1 / (1 + np.exp(-((kept * h / (1 - p)) @ w2 + b2)))
    return f.mean(0), f.std(0) / np.sqrt(samples)


# %% wrong: the variance in place of the spread
def mc_predict(X, W1, b1, w2, b2, p, samples, seed):
    h = np.maximum(X @ W1.T + b1, 0)
    kept = np.random.default_rng(seed).random((samples, *h.shape)) >= p
    f = 1 / (1 + np.exp(-((kept * h / (1 - p)) @ w2 + b2)))
    return f.mean(0), f.var(0)


# %% wrong: the sigmoid of the mean score
def mc_predict(X, W1, b1, w2, b2, p, samples, seed):
    h = np.maximum(X @ W1.T + b1, 0)
    kept = np.random.default_rng(seed).random((samples, *h.shape)) >= p
    scores = (kept * h / (1 - p)) @ w2 + b2
    return 1 / (1 + np.exp(-scores.mean(0))), (1 / (1 + np.exp(-scores))).std(0)


# %% wrong: ignores the seed
def mc_predict(X, W1, b1, w2, b2, p, samples, seed):
    h = np.maximum(X @ W1.T + b1, 0)
    kept = np.random.default_rng(0).random((samples, *h.shape)) >= p
    f = 1 / (1 + np.exp(-((kept * h / (1 - p)) @ w2 + b2)))
    return f.mean(0), f.std(0)
