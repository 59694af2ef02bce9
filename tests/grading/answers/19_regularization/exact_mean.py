# %% correct: all masks in one array
def exact_mean(X, W1, b1, w2, b2, p):
    M = len(w2)
    masks = (np.arange(2**M)[:, None] >> np.arange(M)) & 1  # (2^M, M)
    chance = np.prod(np.where(masks, 1 - p, p), axis=1)
    h = np.clip(X @ W1.T + b1, 0, None)
    scores = (h / (1 - p)) @ (masks * w2).T + b2  # (N, 2^M)
    return torch.sigmoid(torch.tensor(scores)).numpy() @ chance


# %% correct: one neuron after the other, by recursion
def exact_mean(X, W1, b1, w2, b2, p):
    h = np.maximum(X @ W1.T + b1, 0)

    def mean_from(j, score):
        if j == len(w2):
            return 1 / (1 + np.exp(-score))
        on = mean_from(j + 1, score + w2[j] * h[:, j] / (1 - p))
        return p * mean_from(j + 1, score) + (1 - p) * on

    return mean_from(0, b2 + np.zeros(len(X)))


# %% wrong: all masks count alike
def exact_mean(X, W1, b1, w2, b2, p):
    h = np.maximum(X @ W1.T + b1, 0)
    masks = np.array(list(product([0, 1], repeat=len(w2))))
    return (1 / (1 + np.exp(-(h @ (masks * w2 / (1 - p)).T + b2)))).mean(1)


# %% wrong: the weights of keep and drop swapped
def exact_mean(X, W1, b1, w2, b2, p):
    h = np.maximum(X @ W1.T + b1, 0)
    masks = np.array(list(product([0, 1], repeat=len(w2))))
    k = masks.sum(1)
    return (1 / (1 + np.exp(-(h @ (masks * w2 / (1 - p)).T + b2)))) @ (
        p**k * (1 - p) ** (len(w2) - k)
    )


# %% wrong: forgets the rescaling
def exact_mean(X, W1, b1, w2, b2, p):
    h = np.maximum(X @ W1.T + b1, 0)
    masks = np.array(list(product([0, 1], repeat=len(w2))))
    k = masks.sum(1)
    return (1 / (1 + np.exp(-(h @ (masks * w2).T + b2)))) @ (p ** (len(w2) - k) * (1 - p) ** k)


# %% wrong: the sigmoid of the mean score
def exact_mean(X, W1, b1, w2, b2, p):
    h = np.maximum(X @ W1.T + b1, 0)
    masks = np.array(list(product([0, 1], repeat=len(w2))))
    k = masks.sum(1)
    chance = p ** (len(w2) - k) * (1 - p) ** k
    return 1 / (1 + np.exp(-((h @ (masks * w2 / (1 - p)).T + b2) @ chance)))


# %% wrong: drops before the ReLU's bias, not the neuron
def exact_mean(X, W1, b1, w2, b2, p):
    mean = np.zeros(len(X))
    for bits in product([0, 1], repeat=len(w2)):
        m = np.array(bits)
        k = m.sum()
        h = np.maximum((X @ W1.T) * m / (1 - p) + b1, 0)
        mean += p ** (len(m) - k) * (1 - p) ** k / (1 + np.exp(-(h @ w2 + b2)))
    return mean


# %% wrong: the bias of the output is dropped, too
def exact_mean(X, W1, b1, w2, b2, p):
    h = np.maximum(X @ W1.T + b1, 0)
    masks = np.array(list(product([0, 1], repeat=len(w2))))
    k = masks.sum(1)
    scores = h @ (masks * w2 / (1 - p)).T + b2 * (k > 0)
    return (1 / (1 + np.exp(-scores))) @ (p ** (len(w2) - k) * (1 - p) ** k)


# %% wrong: an average over rows as well
def exact_mean(X, W1, b1, w2, b2, p):
    h = np.maximum(X @ W1.T + b1, 0)
    masks = np.array(list(product([0, 1], repeat=len(w2))))
    k = masks.sum(1)
    outputs = 1 / (1 + np.exp(-(h @ (masks * w2 / (1 - p)).T + b2)))
    return np.full(len(X), (outputs @ (p ** (len(w2) - k) * (1 - p) ** k)).mean())
