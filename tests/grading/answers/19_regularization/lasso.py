# %% correct: weights and bias in one vector, of which only the weights are shrunk
def shrink(u, t):
    return np.where(u > t, u - t, np.where(u < -t, u + t, 0.0))


def lasso(X, y, strength, steps):
    A = np.concatenate([np.ones((len(y), 1)), X], axis=1)
    H, c = A.T @ A / len(y), A.T @ y / len(y)
    step = 1 / np.linalg.norm(H, 2)
    theta = np.zeros(A.shape[1])
    for _ in range(steps):
        theta = theta - step * (H @ theta - c)
        theta[1:] = shrink(theta[1:], step * strength)
    return theta[1:], theta[0]


# %% correct: with momentum (FISTA), the means taken out first
def shrink(u, t):
    return u - np.clip(u, -t, t)


def lasso(X, y, strength, steps):
    middle, level = X.mean(0), y.mean()
    Z, r = X - middle, y - level
    step = len(y) / np.linalg.eigvalsh(Z.T @ Z)[-1]
    w = ahead = np.zeros(X.shape[1])
    k = 1.0
    for _ in range(steps):
        new = shrink(ahead - step * Z.T @ (Z @ ahead - r) / len(y), step * strength)
        after = (1 + np.sqrt(1 + 4 * k * k)) / 2
        ahead = new + (k - 1) / after * (new - w)
        w, k = new, after
    return w, float(level - w @ middle)


# %% correct: torch, and its own soft threshold
def shrink(u, t):
    u = torch.as_tensor(u)
    return (u.sign() * (u.abs() - t).clamp(min=0)).numpy()


def lasso(X, y, strength, steps):
    A = torch.tensor(np.column_stack([np.ones(len(X)), X]))
    y = torch.tensor(y)
    theta = torch.zeros(A.shape[1], dtype=A.dtype)
    step = len(y) / torch.linalg.matrix_norm(A, 2) ** 2
    for _ in range(steps):
        theta = theta - step * A.T @ (A @ theta - y) / len(y)
        theta[1:] = F.softshrink(theta[1:], float(step * strength))
    return theta[1:].numpy(), theta[0].item()


# %% wrong: a subgradient in place of the proximal step
def shrink(u, t):
    return np.sign(u) * np.maximum(np.abs(u) - t, 0.0)


def lasso(X, y, strength, steps):
    A = np.column_stack([np.ones(len(X)), X])
    step = 1 / np.linalg.eigvalsh(A.T @ A / len(X))[-1]
    w, b = 1e-6 * np.ones(X.shape[1]), 0.0
    for _ in range(steps):
        r = X @ w + b - y
        w = w - step * (X.T @ r / len(X) + strength * np.sign(w))
        b = b - step * r.mean()
    return w, b


# %% wrong: shrinks the bias, too
def shrink(u, t):
    return np.sign(u) * np.maximum(np.abs(u) - t, 0.0)


def lasso(X, y, strength, steps):
    A = np.column_stack([np.ones(len(X)), X])
    step = 1 / np.linalg.eigvalsh(A.T @ A / len(X))[-1]
    theta = np.zeros(A.shape[1])
    for _ in range(steps):
        theta = shrink(theta - step * A.T @ (A @ theta - y) / len(X), step * strength)
    return theta[1:], theta[0]


# %% wrong: no bias at all
def shrink(u, t):
    return np.sign(u) * np.maximum(np.abs(u) - t, 0.0)


def lasso(X, y, strength, steps):
    step = 1 / np.linalg.eigvalsh(X.T @ X / len(X))[-1]
    w = np.zeros(X.shape[1])
    for _ in range(steps):
        w = shrink(w - step * X.T @ (X @ w - y) / len(X), step * strength)
    return w, 0.0


# %% wrong: the threshold is λ, not ηλ
def shrink(u, t):
    return np.sign(u) * np.maximum(np.abs(u) - t, 0.0)


def lasso(X, y, strength, steps):
    A = np.column_stack([np.ones(len(X)), X])
    step = 1 / np.linalg.eigvalsh(A.T @ A / len(X))[-1]
    w, b = np.zeros(X.shape[1]), 0.0
    for _ in range(steps):
        r = X @ w + b - y
        w, b = shrink(w - step * X.T @ r / len(X), strength), b - step * r.mean()
    return w, b


# %% wrong: λ/2 for λ
def shrink(u, t):
    return np.sign(u) * np.maximum(np.abs(u) - t, 0.0)


def lasso(X, y, strength, steps):
    A = np.column_stack([np.ones(len(X)), X])
    step = 1 / np.linalg.eigvalsh(A.T @ A / len(X))[-1]
    w, b = np.zeros(X.shape[1]), 0.0
    for _ in range(steps):
        r = X @ w + b - y
        w = shrink(w - step * X.T @ r / len(X), step * strength / 2)
        b = b - step * r.mean()
    return w, b


# %% wrong: cuts off small values but leaves large ones as they are
def shrink(u, t):
    return np.where(np.abs(u) > t, u, 0.0)


def lasso(X, y, strength, steps):
    A = np.column_stack([np.ones(len(X)), X])
    step = 1 / np.linalg.eigvalsh(A.T @ A / len(X))[-1]
    w, b = np.zeros(X.shape[1]), 0.0
    for _ in range(steps):
        r = X @ w + b - y
        w = shrink(w - step * X.T @ r / len(X), step * strength)
        b = b - step * r.mean()
    return w, b


# %% wrong: least squares first, shrunk once at the end
def shrink(u, t):
    return np.sign(u) * np.maximum(np.abs(u) - t, 0.0)


def lasso(X, y, strength, steps):
    A = np.column_stack([np.ones(len(X)), X])
    theta = np.linalg.lstsq(A, y, rcond=None)[0]
    return shrink(theta[1:], strength), theta[0]
