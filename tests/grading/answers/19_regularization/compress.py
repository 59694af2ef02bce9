# %% correct: layer weights in one list of tensors, gradients masked, the old net as a teacher
def compress(layers, X, y):
    def scores(parameters, X):
        for i in range(0, len(parameters), 2):
            X = (X if i == 0 else X.clamp(min=0)) @ parameters[i].T + parameters[i + 1]
        return X

    X, y = torch.tensor(X), torch.tensor(y)
    old = [torch.tensor(a) for pair in layers for a in pair]
    soft = 0.5 * scores(old, X).softmax(1) + 0.5 * F.one_hot(y, old[-1].shape[0])
    new = [a.clone().requires_grad_() for a in old]
    optimizer = torch.optim.SGD(new, lr=0.1, momentum=0.9, nesterov=True)
    total = sum(w.numel() for w in new[::2])
    masks = [torch.ones_like(w) for w in new[::2]]
    for epoch in range(220):
        if epoch % 10 == 0 and epoch <= 120:
            share = 0.905 * (1 - (1 - epoch / 120) ** 3)
            sizes = torch.cat([w.detach().abs().flatten() for w in new[::2]])
            border = sizes.sort().values[min(int(share * total), total - 1)]
            masks = [(w.detach().abs() >= border).float() for w in new[::2]]
        with torch.no_grad():
            for w, mask in zip(new[::2], masks, strict=True):
                w.mul_(mask)
        optimizer.zero_grad()
        F.cross_entropy(scores(new, X), soft).backward()
        optimizer.step()
    out = [a.detach() for a in new]
    out[::2] = [w * mask for w, mask in zip(out[::2], masks, strict=True)]
    return [(W.numpy(), b.numpy()) for W, b in zip(out[::2], out[1::2], strict=True)]


# %% correct: backpropagation by hand in NumPy, with momentum, five rounds
def compress(layers, X, y):
    W = [np.array(w, dtype=np.float64) for w, _ in layers]
    b = [np.array(v, dtype=np.float64) for _, v in layers]
    X, target = np.asarray(X, dtype=np.float64), np.eye(len(b[-1]))[y]
    K = sum(w.size for w in W)
    velocity = [np.zeros_like(a) for a in W + b]
    for share in (0.5, 0.7, 0.8, 0.86, 0.9):
        order = np.argsort(np.concatenate([np.abs(w).ravel() for w in W]))
        kept = np.ones(K)
        kept[order[: int(np.ceil(share * K))]] = 0
        parts = np.split(kept, np.cumsum([w.size for w in W])[:-1])
        masks = [part.reshape(w.shape) for part, w in zip(parts, W, strict=True)]
        W = [w * m for w, m in zip(W, masks, strict=True)]
        for _ in range(40 if share < 0.9 else 120):
            a = [X]
            for i in range(len(W)):
                u = a[-1] @ W[i].T + b[i]
                a.append(np.maximum(u, 0) if i + 1 < len(W) else u)
            e = np.exp(a[-1] - a[-1].max(1, keepdims=True))
            delta = (e / e.sum(1, keepdims=True) - target) / len(X)
            for i in reversed(range(len(W))):
                gW, gb = (delta.T @ a[i]) * masks[i], delta.sum(0)
                delta = (delta @ W[i]) * (a[i] > 0)
                for k, g in ((i, gW), (len(W) + i, gb)):
                    velocity[k] = 0.9 * velocity[k] + g
                W[i] = (W[i] - 0.1 * velocity[i]) * masks[i]
                b[i] = b[i] - 0.1 * velocity[len(W) + i]
    return list(zip(W, b, strict=True))


# %% wrong: prunes and leaves it at that
def compress(layers, X, y):
    sizes = np.sort(np.concatenate([np.abs(W).ravel() for W, _ in layers]))
    border = sizes[int(np.ceil(0.9 * len(sizes)))]
    return [(W * (np.abs(W) >= border), b) for W, b in layers]


# %% wrong: trains on without masks, so that the zeros come back to life
def compress(layers, X, y):
    X, y = torch.tensor(X), torch.tensor(y)
    sizes = np.sort(np.concatenate([np.abs(W).ravel() for W, _ in layers]))
    border = sizes[int(np.ceil(0.9 * len(sizes)))]
    parameters = [
        (torch.tensor(W * (np.abs(W) >= border)).requires_grad_(), torch.tensor(b).requires_grad_())
        for W, b in layers
    ]
    optimizer = torch.optim.Adam([a for pair in parameters for a in pair], lr=0.01)
    for _ in range(60):
        out = X
        for i, (W, b) in enumerate(parameters):
            out = F.linear(out.relu() if i else out, W, b)
        optimizer.zero_grad()
        F.cross_entropy(out, y).backward()
        optimizer.step()
    return [(W.detach().numpy(), b.detach().numpy()) for W, b in parameters]


# %% wrong: prunes half of the weights
def compress(layers, X, y):
    border = np.median(np.concatenate([np.abs(W).ravel() for W, _ in layers]))
    return [(W * (np.abs(W) > border), b) for W, b in layers]


# %% wrong: prunes at random
def compress(layers, X, y):
    rng = np.random.default_rng(0)
    pruned = []
    for W, b in layers:
        kept = np.zeros(W.size)
        kept[rng.permutation(W.size)[: W.size // 10]] = 1
        pruned.append((W * kept.reshape(W.shape), b))
    return pruned


# %% wrong: all weights are zero
def compress(layers, X, y):
    return [(np.zeros_like(W), b) for W, b in layers]


# %% wrong: small weights, but not zero
def compress(layers, X, y):
    sizes = np.sort(np.concatenate([np.abs(W).ravel() for W, _ in layers]))
    border = sizes[int(0.9 * len(sizes))]
    return [(np.where(np.abs(W) >= border, W, 1e-3 * W), b) for W, b in layers]


# %% wrong: prunes, then trains the biases alone
def compress(layers, X, y):
    X, y = torch.tensor(X), torch.tensor(y)
    sizes = np.sort(np.concatenate([np.abs(W).ravel() for W, _ in layers]))
    border = sizes[int(np.ceil(0.9 * len(sizes)))]
    weights = [torch.tensor(W * (np.abs(W) >= border)) for W, _ in layers]
    biases = [torch.tensor(b).requires_grad_() for _, b in layers]
    optimizer = torch.optim.Adam(biases, lr=0.01)
    for _ in range(60):
        out = X
        for i, (W, b) in enumerate(zip(weights, biases, strict=True)):
            out = F.linear(out.relu() if i else out, W, b)
        optimizer.zero_grad()
        F.cross_entropy(out, y).backward()
        optimizer.step()
    return [(W.numpy(), b.detach().numpy()) for W, b in zip(weights, biases, strict=True)]
