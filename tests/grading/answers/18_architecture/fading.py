# %% correct: by hand in NumPy, and logarithms
def gradient_norms(layers, X, y, name):
    h = {
        "sigmoid": lambda u: 0.5 + 0.5 * np.tanh(u / 2),
        "tanh": np.tanh,
        "relu": lambda u: np.maximum(u, 0),
    }[name]
    bend = {
        "sigmoid": lambda a: a * (1 - a),
        "tanh": lambda a: 1 - a**2,
        "relu": lambda a: (a > 0) * 1.0,
    }[name]
    signals = [np.asarray(X, dtype=float)]
    for W, b in layers[:-1]:
        signals.append(h(signals[-1] @ W.T + b))
    S = signals[-1] @ layers[-1][0].T + layers[-1][1]
    e = np.exp(S - S.max(1, keepdims=True))
    D = (e / e.sum(1, keepdims=True) - np.eye(S.shape[1])[y]) / len(y)
    norms = []
    for (W, _), a in zip(reversed(layers), reversed(signals)):
        norms.insert(0, float(np.sqrt(((D.T @ a) ** 2).sum())))
        D = (D @ W) * bend(a)
    return norms


def fading(norms):
    return float(np.exp(-np.diff(np.log(norms)).mean()))


# %% correct: a module of torch
def gradient_norms(layers, X, y, name):
    stack = []
    for W, b in layers:
        linear = torch.nn.Linear(W.shape[1], W.shape[0], dtype=torch.float64)
        linear.load_state_dict({"weight": torch.tensor(W), "bias": torch.tensor(b)})
        stack += [
            linear,
            {"sigmoid": torch.nn.Sigmoid, "tanh": torch.nn.Tanh, "relu": torch.nn.ReLU}[name](),
        ]
    net = torch.nn.Sequential(*stack[:-1])
    F.cross_entropy(net(torch.tensor(X)), torch.tensor(y)).backward()
    return torch.stack([net[k].weight.grad.norm() for k in range(0, len(net), 2)])


def fading(norms):
    product = 1.0
    for near, far in zip(norms, norms[1:]):
        product *= float(near) / float(far)
    return product ** (1 / (len(norms) - 1))


# %% wrong: single precision
def gradient_norms(layers, X, y, name):
    bend = {"sigmoid": torch.sigmoid, "tanh": torch.tanh, "relu": torch.relu}[name]
    weights = [torch.tensor(W, dtype=torch.float32, requires_grad=True) for W, _ in layers]
    a = torch.tensor(X, dtype=torch.float32)
    for k, (W, (_, b)) in enumerate(zip(weights, layers)):
        a = a @ W.T + torch.tensor(b, dtype=torch.float32)
        a = bend(a) if k < len(layers) - 1 else a
    F.cross_entropy(a, torch.tensor(y)).backward()
    return [W.grad.norm().item() for W in weights]


def fading(norms):
    return (norms[0] / norms[-1]) ** (1 / (len(norms) - 1))


# %% wrong: an activation on the scores, too
def gradient_norms(layers, X, y, name):
    bend = {"sigmoid": torch.sigmoid, "tanh": torch.tanh, "relu": torch.relu}[name]
    weights = [torch.tensor(W, requires_grad=True) for W, _ in layers]
    a = torch.tensor(X)
    for W, (_, b) in zip(weights, layers):
        a = bend(a @ W.T + torch.tensor(b))
    F.cross_entropy(a, torch.tensor(y)).backward()
    return [W.grad.norm().item() for W in weights]


def fading(norms):
    return (norms[0] / norms[-1]) ** (1 / (len(norms) - 1))


# %% wrong: the loss is a sum
def gradient_norms(layers, X, y, name):
    bend = {"sigmoid": torch.sigmoid, "tanh": torch.tanh, "relu": torch.relu}[name]
    weights = [torch.tensor(W, requires_grad=True) for W, _ in layers]
    a = torch.tensor(X)
    for k, (W, (_, b)) in enumerate(zip(weights, layers)):
        a = a @ W.T + torch.tensor(b)
        a = bend(a) if k < len(layers) - 1 else a
    F.cross_entropy(a, torch.tensor(y), reduction="sum").backward()
    return [W.grad.norm().item() for W in weights]


def fading(norms):
    return (norms[0] / norms[-1]) ** (1 / (len(norms) - 1))


# %% wrong: last layer first
def gradient_norms(layers, X, y, name):
    bend = {"sigmoid": torch.sigmoid, "tanh": torch.tanh, "relu": torch.relu}[name]
    weights = [torch.tensor(W, requires_grad=True) for W, _ in layers]
    a = torch.tensor(X)
    for k, (W, (_, b)) in enumerate(zip(weights, layers)):
        a = a @ W.T + torch.tensor(b)
        a = bend(a) if k < len(layers) - 1 else a
    F.cross_entropy(a, torch.tensor(y)).backward()
    return [W.grad.norm().item() for W in reversed(weights)]


def fading(norms):
    return (norms[0] / norms[-1]) ** (1 / (len(norms) - 1))


# %% wrong: the sigmoid, whatever the name says
def gradient_norms(layers, X, y, name):
    weights = [torch.tensor(W, requires_grad=True) for W, _ in layers]
    a = torch.tensor(X)
    for k, (W, (_, b)) in enumerate(zip(weights, layers)):
        a = a @ W.T + torch.tensor(b)
        a = torch.sigmoid(a) if k < len(layers) - 1 else a
    F.cross_entropy(a, torch.tensor(y)).backward()
    return [W.grad.norm().item() for W in weights]


def fading(norms):
    return (norms[0] / norms[-1]) ** (1 / (len(norms) - 1))


# %% wrong: counts layers where steps are meant
def gradient_norms(layers, X, y, name):
    bend = {"sigmoid": torch.sigmoid, "tanh": torch.tanh, "relu": torch.relu}[name]
    weights = [torch.tensor(W, requires_grad=True) for W, _ in layers]
    a = torch.tensor(X)
    for k, (W, (_, b)) in enumerate(zip(weights, layers)):
        a = a @ W.T + torch.tensor(b)
        a = bend(a) if k < len(layers) - 1 else a
    F.cross_entropy(a, torch.tensor(y)).backward()
    return [W.grad.norm().item() for W in weights]


def fading(norms):
    return (norms[0] / norms[-1]) ** (1 / len(norms))


# %% wrong: the arithmetic mean of the factors
def gradient_norms(layers, X, y, name):
    bend = {"sigmoid": torch.sigmoid, "tanh": torch.tanh, "relu": torch.relu}[name]
    weights = [torch.tensor(W, requires_grad=True) for W, _ in layers]
    a = torch.tensor(X)
    for k, (W, (_, b)) in enumerate(zip(weights, layers)):
        a = a @ W.T + torch.tensor(b)
        a = bend(a) if k < len(layers) - 1 else a
    F.cross_entropy(a, torch.tensor(y)).backward()
    return [W.grad.norm().item() for W in weights]


def fading(norms):
    return float(np.mean([a / b for a, b in zip(norms, norms[1:])]))
