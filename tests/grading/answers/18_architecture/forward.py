# %% correct: neuron by neuron
def forward(X, layers):
    answers = []
    for x in X:
        a = list(x)
        for k, (W, b) in enumerate(layers):
            u = [sum(w * s for w, s in zip(row, a)) + bias for row, bias in zip(W, b)]
            a = u if k == len(layers) - 1 else [np.tanh(v) for v in u]
        answers.append(a)
    return np.array(answers)


def count_parameters(sizes):
    total = 0
    for k in range(1, len(sizes)):
        total += sizes[k - 1] * sizes[k] + sizes[k]
    return total


# %% correct: objects in columns, recursion
def forward(X, layers):
    (W, b), *rest = layers
    u = (W @ X.T + b[:, None]).T
    return forward(np.tanh(u), rest) if rest else u


def count_parameters(sizes):
    return int(np.dot(sizes[:-1], sizes[1:]) + np.sum(sizes[1:]))


# %% correct: torch's linear layers
def forward(X, layers):
    a = torch.tensor(np.ascontiguousarray(X))
    for W, b in layers[:-1]:
        a = F.linear(a, torch.tensor(W), torch.tensor(b)).tanh()
    return F.linear(a, torch.tensor(layers[-1][0]), torch.tensor(layers[-1][1])).numpy()


def count_parameters(sizes):
    return sum(p.numel() for p in MLP(sizes).parameters())


# %% wrong: tanh in the last layer, too
def forward(X, layers):
    for W, b in layers:
        X = np.tanh(X @ W.T + b)
    return X


def count_parameters(sizes):
    return sum((i + 1) * o for i, o in zip(sizes, sizes[1:]))


# %% wrong: forgets the biases
def forward(X, layers):
    for k, (W, b) in enumerate(layers):
        X = X @ W.T
        if k < len(layers) - 1:
            X = np.tanh(X)
    return X


def count_parameters(sizes):
    return sum((i + 1) * o for i, o in zip(sizes, sizes[1:]))


# %% wrong: not transposed, which a square matrix does not betray
def forward(X, layers):
    for k, (W, b) in enumerate(layers):
        X = X @ W + b
        if k < len(layers) - 1:
            X = np.tanh(X)
    return X


def count_parameters(sizes):
    return sum((i + 1) * o for i, o in zip(sizes, sizes[1:]))


# %% wrong: two layers only
def forward(X, layers):
    (W1, b1), (W2, b2) = layers[0], layers[-1]
    return np.tanh(X @ W1.T + b1) @ W2.T + b2


def count_parameters(sizes):
    return sum((i + 1) * o for i, o in zip(sizes, sizes[1:]))


# %% wrong: answers for the first object only
def forward(X, layers):
    a = X[0]
    for k, (W, b) in enumerate(layers):
        a = W @ a + b
        if k < len(layers) - 1:
            a = np.tanh(a)
    return a[None]


def count_parameters(sizes):
    return sum((i + 1) * o for i, o in zip(sizes, sizes[1:]))


# %% wrong: counts the weights without the biases
def forward(X, layers):
    for k, (W, b) in enumerate(layers):
        X = X @ W.T + b
        if k < len(layers) - 1:
            X = np.tanh(X)
    return X


def count_parameters(sizes):
    return sum(i * o for i, o in zip(sizes, sizes[1:]))


# %% wrong: counts one hidden layer only
def forward(X, layers):
    for k, (W, b) in enumerate(layers):
        X = X @ W.T + b
        if k < len(layers) - 1:
            X = np.tanh(X)
    return X


def count_parameters(sizes):
    return (sizes[0] + 1) * sizes[1] + (sizes[1] + 1) * sizes[-1]
