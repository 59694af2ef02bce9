# %% correct: logsumexp first, all else from it
def log_p(S):
    return S - np.logaddexp.reduce(S, axis=1)[:, None]


def softmax(S):
    return np.exp(log_p(S))


def cross_entropy(S, y):
    return float(np.mean([-row[c] for row, c in zip(log_p(S), y)]))


def score_gradient(S, y):
    return (softmax(S) - np.eye(S.shape[1])[y]) / S.shape[0]


# %% correct: row by row, and torch for the loss
def softmax(S):
    rows = []
    for s in S:
        e = [np.exp(v - max(s)) for v in s]
        rows.append([v / sum(e) for v in e])
    return rows


def cross_entropy(S, y):
    return F.cross_entropy(torch.tensor(S), torch.tensor(y))


def score_gradient(S, y):
    s = torch.tensor(S).requires_grad_()
    F.cross_entropy(s, torch.tensor(y)).backward()
    return s.grad


# %% wrong: overflows
def softmax(S):
    return np.exp(S) / np.exp(S).sum(1, keepdims=True)


def cross_entropy(S, y):
    return -(S - np.log(np.exp(S).sum(1, keepdims=True)))[np.arange(len(y)), y].mean()


def score_gradient(S, y):
    return (softmax(S) - np.eye(S.shape[1])[y]) / len(y)


# %% wrong: shifted by the largest of all, so that a whole row may become 0 / 0
def softmax(S):
    e = np.exp(S - S.max())
    return e / e.sum(1, keepdims=True)


def cross_entropy(S, y):
    shifted = S - S.max(1, keepdims=True)
    return -(shifted - np.log(np.exp(shifted).sum(1, keepdims=True)))[np.arange(len(y)), y].mean()


def score_gradient(S, y):
    return (softmax(S) - np.eye(S.shape[1])[y]) / len(y)


# %% wrong: the loss takes the logarithm of a probability that became 0
def softmax(S):
    e = np.exp(S - S.max(1, keepdims=True))
    return e / e.sum(1, keepdims=True)


def cross_entropy(S, y):
    return -np.log(softmax(S)[np.arange(len(y)), y]).mean()


def score_gradient(S, y):
    return (softmax(S) - np.eye(S.shape[1])[y]) / len(y)


# %% wrong: normalised over objects
def softmax(S):
    e = np.exp(S - S.max(0))
    return e / e.sum(0)


def cross_entropy(S, y):
    shifted = S - S.max(1, keepdims=True)
    return -(shifted - np.log(np.exp(shifted).sum(1, keepdims=True)))[np.arange(len(y)), y].mean()


def score_gradient(S, y):
    e = np.exp(S - S.max(1, keepdims=True))
    return (e / e.sum(1, keepdims=True) - np.eye(S.shape[1])[y]) / len(y)


# %% wrong: a sum for the mean
def softmax(S):
    e = np.exp(S - S.max(1, keepdims=True))
    return e / e.sum(1, keepdims=True)


def cross_entropy(S, y):
    shifted = S - S.max(1, keepdims=True)
    return -(shifted - np.log(np.exp(shifted).sum(1, keepdims=True)))[np.arange(len(y)), y].sum()


def score_gradient(S, y):
    return softmax(S) - np.eye(S.shape[1])[y]


# %% wrong: the sign of the gradient
def softmax(S):
    e = np.exp(S - S.max(1, keepdims=True))
    return e / e.sum(1, keepdims=True)


def cross_entropy(S, y):
    shifted = S - S.max(1, keepdims=True)
    return -(shifted - np.log(np.exp(shifted).sum(1, keepdims=True)))[np.arange(len(y)), y].mean()


def score_gradient(S, y):
    return (np.eye(S.shape[1])[y] - softmax(S)) / len(y)


# %% wrong: the loss clips small probabilities, which hides large errors
def softmax(S):
    e = np.exp(S - S.max(1, keepdims=True))
    return e / e.sum(1, keepdims=True)


def cross_entropy(S, y):
    return -np.log(np.maximum(softmax(S)[np.arange(len(y)), y], 1e-12)).mean()


def score_gradient(S, y):
    return (softmax(S) - np.eye(S.shape[1])[y]) / len(y)


# %% wrong: divides the gradient by the number of classes
def softmax(S):
    e = np.exp(S - S.max(1, keepdims=True))
    return e / e.sum(1, keepdims=True)


def cross_entropy(S, y):
    shifted = S - S.max(1, keepdims=True)
    return -(shifted - np.log(np.exp(shifted).sum(1, keepdims=True)))[np.arange(len(y)), y].mean()


def score_gradient(S, y):
    p = softmax(S)
    p[np.arange(len(y)), y] -= 1
    return p / p.shape[1]
