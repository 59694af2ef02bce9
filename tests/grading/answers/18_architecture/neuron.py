# %% correct: loops instead of a matrix product
import math


def neuron(X, w):
    answers = []
    for x in X:
        u = float(w[0])
        for k in range(len(x)):
            u += float(w[k + 1]) * float(x[k])
        answers.append(1 / (1 + math.exp(-u)) if u > 0 else math.exp(u) / (1 + math.exp(u)))
    return np.array(answers)


def majority(K):
    w = np.full(K + 1, 11.0)
    w[0] = -11.0 * K / 2
    return w


# %% correct: a column of ones, and a list of weights
def neuron(X, w):
    with_one = np.hstack([np.ones((X.shape[0], 1)), X])
    return torch.sigmoid(torch.from_numpy(with_one @ w)).numpy()


def majority(K):
    return [-50 * (K // 2) - 25] + K * [50]


# %% wrong: forgets the bias
def neuron(X, w):
    return 1 / (1 + np.exp(-(X @ w[1:])))


def majority(K):
    return np.array([-10.0 * K] + [20.0] * K)


# %% wrong: no sigmoid
def neuron(X, w):
    return w[0] + X @ w[1:]


def majority(K):
    return np.array([-10.0 * K] + [20.0] * K)


# %% wrong: the last weight is the bias
def neuron(X, w):
    return 1 / (1 + np.exp(-(w[-1] + X @ w[:-1])))


def majority(K):
    return np.array([-10.0 * K] + [20.0] * K)


# %% wrong: a majority of three only
def neuron(X, w):
    return 1 / (1 + np.exp(-(w[0] + X @ w[1:])))


def majority(K):
    return np.array([-30.0] + [20.0] * K)


# %% wrong: the edge lies where half of the votes are enough for one too few
def neuron(X, w):
    return 1 / (1 + np.exp(-(w[0] + X @ w[1:])))


def majority(K):
    return np.array([-20.0 * (K // 2)] + [20.0] * K)


# %% wrong: right direction, too flat
def neuron(X, w):
    return 1 / (1 + np.exp(-(w[0] + X @ w[1:])))


def majority(K):
    return np.array([-K / 2] + [1.0] * K)


# %% wrong: the example's answers typed in
def neuron(X, w):
    return np.array([0.45016600268752215, 0.9918374288468401])


def majority(K):
    return np.array([-10.0 * K] + [20.0] * K)
