# %% correct: object by object, with outer products
def backprop(X, Y, W1, b1, W2, b2):
    loss = 0.0
    g = {
        "W1": np.zeros(W1.shape),
        "b1": np.zeros(b1.shape),
        "W2": np.zeros(W2.shape),
        "b2": np.zeros(b2.shape),
    }
    for x, y in zip(X, Y):
        a = np.tanh(W1 @ x + b1)
        r = W2 @ a + b2 - y
        loss += r @ r / len(X)
        d2 = 2 * r / len(X)
        d1 = W2.T @ d2 * (1 - a * a)
        g["W2"] += np.outer(d2, a)
        g["b2"] += d2
        g["W1"] += np.outer(d1, x)
        g["b1"] += d1
    return loss, g


# %% correct: objects in columns, einsum
def backprop(X, Y, W1, b1, W2, b2):
    n = X.shape[0]
    U1 = W1 @ X.T + b1.reshape(-1, 1)
    A1 = np.tanh(U1)
    D2 = 2 / n * (W2 @ A1 + b2.reshape(-1, 1) - Y.T)
    D1 = np.einsum("km,kn->mn", W2, D2) / np.cosh(U1) ** 2
    loss = n / 4 * np.sum(D2**2)
    return [loss, {"b2": D2.sum(1), "W2": D2 @ A1.T, "b1": D1.sum(1), "W1": D1 @ X}]


# %% wrong: the gradient of W1 is transposed
def backprop(X, Y, W1, b1, W2, b2):
    A1 = np.tanh(X @ W1.T + b1)
    error = A1 @ W2.T + b2 - Y
    D2 = 2 * error / len(X)
    D1 = (D2 @ W2) * (1 - A1**2)
    return (error**2).sum(1).mean(), {
        "W1": X.T @ D1,
        "b1": D1.sum(0),
        "W2": D2.T @ A1,
        "b2": D2.sum(0),
    }


# %% wrong: the gradient of W2 is transposed
def backprop(X, Y, W1, b1, W2, b2):
    A1 = np.tanh(X @ W1.T + b1)
    error = A1 @ W2.T + b2 - Y
    D2 = 2 * error / len(X)
    D1 = (D2 @ W2) * (1 - A1**2)
    return (error**2).sum(1).mean(), {
        "W1": D1.T @ X,
        "b1": D1.sum(0),
        "W2": A1.T @ D2,
        "b2": D2.sum(0),
    }


# %% wrong: the slope of tanh is missing
def backprop(X, Y, W1, b1, W2, b2):
    A1 = np.tanh(X @ W1.T + b1)
    error = A1 @ W2.T + b2 - Y
    D2 = 2 * error / len(X)
    D1 = D2 @ W2
    return (error**2).sum(1).mean(), {
        "W1": D1.T @ X,
        "b1": D1.sum(0),
        "W2": D2.T @ A1,
        "b2": D2.sum(0),
    }


# %% wrong: the slope is taken at a1, not at u1
def backprop(X, Y, W1, b1, W2, b2):
    A1 = np.tanh(X @ W1.T + b1)
    error = A1 @ W2.T + b2 - Y
    D2 = 2 * error / len(X)
    D1 = (D2 @ W2) * (1 - np.tanh(A1) ** 2)
    return (error**2).sum(1).mean(), {
        "W1": D1.T @ X,
        "b1": D1.sum(0),
        "W2": D2.T @ A1,
        "b2": D2.sum(0),
    }


# %% wrong: summed over objects
def backprop(X, Y, W1, b1, W2, b2):
    A1 = np.tanh(X @ W1.T + b1)
    error = A1 @ W2.T + b2 - Y
    D2 = 2 * error
    D1 = (D2 @ W2) * (1 - A1**2)
    return (error**2).sum(1).mean(), {
        "W1": D1.T @ X,
        "b1": D1.sum(0),
        "W2": D2.T @ A1,
        "b2": D2.sum(0),
    }


# %% wrong: averaged over the outputs, too
def backprop(X, Y, W1, b1, W2, b2):
    A1 = np.tanh(X @ W1.T + b1)
    error = A1 @ W2.T + b2 - Y
    D2 = 2 * error / error.size
    D1 = (D2 @ W2) * (1 - A1**2)
    return (error**2).mean(), {"W1": D1.T @ X, "b1": D1.sum(0), "W2": D2.T @ A1, "b2": D2.sum(0)}


# %% wrong: the 2 of the square is missing
def backprop(X, Y, W1, b1, W2, b2):
    A1 = np.tanh(X @ W1.T + b1)
    error = A1 @ W2.T + b2 - Y
    D2 = error / len(X)
    D1 = (D2 @ W2) * (1 - A1**2)
    return (error**2).sum(1).mean(), {
        "W1": D1.T @ X,
        "b1": D1.sum(0),
        "W2": D2.T @ A1,
        "b2": D2.sum(0),
    }


# %% wrong: a mean for the sum in the biases
def backprop(X, Y, W1, b1, W2, b2):
    A1 = np.tanh(X @ W1.T + b1)
    error = A1 @ W2.T + b2 - Y
    D2 = 2 * error / len(X)
    D1 = (D2 @ W2) * (1 - A1**2)
    return (error**2).sum(1).mean(), {
        "W1": D1.T @ X,
        "b1": D1.mean(0),
        "W2": D2.T @ A1,
        "b2": D2.mean(0),
    }


# %% wrong: forgets b1 on the way forward
def backprop(X, Y, W1, b1, W2, b2):
    A1 = np.tanh(X @ W1.T)
    error = A1 @ W2.T + b2 - Y
    D2 = 2 * error / len(X)
    D1 = (D2 @ W2) * (1 - A1**2)
    return (error**2).sum(1).mean(), {
        "W1": D1.T @ X,
        "b1": D1.sum(0),
        "W2": D2.T @ A1,
        "b2": D2.sum(0),
    }


# %% wrong: the sign, target minus answer
def backprop(X, Y, W1, b1, W2, b2):
    A1 = np.tanh(X @ W1.T + b1)
    error = Y - (A1 @ W2.T + b2)
    D2 = 2 * error / len(X)
    D1 = (D2 @ W2) * (1 - A1**2)
    return (error**2).sum(1).mean(), {
        "W1": D1.T @ X,
        "b1": D1.sum(0),
        "W2": D2.T @ A1,
        "b2": D2.sum(0),
    }


# %% wrong: squeezes a single output away
def backprop(X, Y, W1, b1, W2, b2):
    A1 = np.tanh(X @ W1.T + b1)
    error = A1 @ W2.T + b2 - Y
    D2 = 2 * error / len(X)
    D1 = (D2 @ W2) * (1 - A1**2)
    g = {"W1": D1.T @ X, "b1": D1.sum(0), "W2": D2.T @ A1, "b2": D2.sum(0)}
    return (error**2).sum(1).mean(), {name: np.squeeze(value) for name, value in g.items()}
