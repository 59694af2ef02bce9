# %% correct: ReLU and He, in torch
def mended(sizes, seed):
    generator = torch.Generator().manual_seed(seed)
    layers = []
    for i, o in zip(sizes, sizes[1:]):
        W = torch.randn(o, i, generator=generator, dtype=torch.float64) * (2 / i) ** 0.5
        layers.append((W, torch.zeros(o)))
    return "relu", layers


# %% correct: tanh and orthogonal matrices
def mended(sizes, seed):
    rng, layers = np.random.default_rng(seed), []
    for i, o in zip(sizes, sizes[1:]):
        Q, _ = np.linalg.qr(rng.normal(size=(max(i, o), min(i, o))))
        layers.append((Q if o >= i else Q.T, rng.normal(size=o) * 0.01))
    return "tanh", layers


# %% correct: tanh and uniform weights of variance 1 / fan-in
def mended(sizes, seed):
    rng = np.random.RandomState(seed)
    return "tanh", [
        (rng.uniform(-1, 1, (o, i)) * (3 / i) ** 0.5, [0.0] * o) for i, o in zip(sizes, sizes[1:])
    ]


# %% wrong: still a sigmoid
def mended(sizes, seed):
    rng = np.random.default_rng(seed)
    return "sigmoid", [
        (rng.normal(size=(o, i)) * (2 / (i + o)) ** 0.5, np.zeros(o))
        for i, o in zip(sizes, sizes[1:])
    ]


# %% wrong: ReLU with Glorot's weights, a factor of √½ in each layer
def mended(sizes, seed):
    rng = np.random.default_rng(seed)
    return "relu", [
        (rng.normal(size=(o, i)) * (2 / (i + o)) ** 0.5, np.zeros(o))
        for i, o in zip(sizes, sizes[1:])
    ]


# %% wrong: takes the variance for the standard deviation
def mended(sizes, seed):
    rng = np.random.default_rng(seed)
    return "relu", [
        (rng.normal(size=(o, i)) * 2 / i, np.zeros(o)) for i, o in zip(sizes, sizes[1:])
    ]


# %% wrong: standard normal weights, which explode
def mended(sizes, seed):
    rng = np.random.default_rng(seed)
    return "relu", [(rng.normal(size=(o, i)), np.zeros(o)) for i, o in zip(sizes, sizes[1:])]


# %% wrong: small weights, N(0, 0.01²)
def mended(sizes, seed):
    rng = np.random.default_rng(seed)
    return "tanh", [(0.01 * rng.normal(size=(o, i)), np.zeros(o)) for i, o in zip(sizes, sizes[1:])]


# %% wrong: all weights equal
def mended(sizes, seed):
    return "tanh", [(np.full((o, i), 1 / i), np.zeros(o)) for i, o in zip(sizes, sizes[1:])]


# %% wrong: weights (in, out)
def mended(sizes, seed):
    rng = np.random.default_rng(seed)
    return "relu", [
        (rng.normal(size=(i, o)) * (2 / i) ** 0.5, np.zeros(o)) for i, o in zip(sizes, sizes[1:])
    ]


# %% wrong: the seed is not used
def mended(sizes, seed):
    rng = np.random.default_rng(0)
    return "relu", [
        (rng.normal(size=(o, i)) * (2 / i) ** 0.5, np.zeros(o)) for i, o in zip(sizes, sizes[1:])
    ]


# %% wrong: every call draws other weights
def mended(sizes, seed):
    rng = np.random.default_rng()
    return "tanh", [
        (rng.normal(size=(o, i)) * (2 / (i + o)) ** 0.5, np.zeros(o))
        for i, o in zip(sizes, sizes[1:])
    ]


# %% wrong: the same seed in every layer
def mended(sizes, seed):
    return "relu", [
        (np.random.default_rng(seed).normal(size=(o, i)) * (2 / i) ** 0.5, np.zeros(o))
        for i, o in zip(sizes, sizes[1:])
    ]


# %% wrong: He with the constants of the layer of 64 in the example
def mended(sizes, seed):
    rng = np.random.default_rng(seed)
    return "relu", [
        (rng.normal(size=(o, i)) * (2 / 64) ** 0.5, np.zeros(o)) for i, o in zip(sizes, sizes[1:])
    ]
