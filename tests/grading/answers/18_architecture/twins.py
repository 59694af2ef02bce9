# %% correct: a permutation matrix, factorials, and sorting
import math


def permute(W1, b1, W2, order):
    P = np.eye(len(b1))[list(order)]
    return P @ W1, P @ b1, W2 @ P.T


def count_twins(widths, odd):
    return math.prod(math.factorial(m) for m in widths) * 2 ** (sum(widths) if odd else 0)


def find_order(first, second):
    def keys(net):
        W1, b1, W2 = net
        return [(*W1[i].tolist(), float(b1[i]), *W2[:, i].tolist()) for i in range(len(b1))]

    a, b = keys(first), keys(second)
    from_a, from_b = (
        sorted(range(len(a)), key=a.__getitem__),
        sorted(range(len(b)), key=b.__getitem__),
    )
    if sorted(a) != sorted(b):
        return None
    order = [0] * len(a)
    for i, j in zip(from_a, from_b):
        order[j] = i
    return order


# %% correct: neuron by neuron, and a dictionary of places
def permute(W1, b1, W2, order):
    rows, biases, columns = [], [], []
    for i in order:
        rows.append(W1[i])
        biases.append(b1[i])
        columns.append(W2[:, i])
    return np.stack(rows), np.stack(biases), np.stack(columns, axis=1)


def count_twins(widths, odd):
    if not widths:
        return 1
    m, *rest = widths
    if m == 0:
        return count_twins(rest, odd)
    return m * (2 if odd else 1) * count_twins([m - 1, *rest], odd)


def find_order(first, second):
    places = {}
    for i, neuron_ in enumerate(np.hstack([first[0], first[1][:, None], first[2].T])):
        places.setdefault(neuron_.tobytes(), []).append(i)
    order = []
    for neuron_ in np.hstack([second[0], second[1][:, None], second[2].T]):
        if not places.get(neuron_.tobytes()):
            return None
        order.append(places[neuron_.tobytes()].pop())
    return np.array(order)


# %% wrong: the bias keeps its seat
import math


def permute(W1, b1, W2, order):
    return W1[order], b1, W2[:, order]


def count_twins(widths, odd):
    return math.prod(math.factorial(m) for m in widths) * 2 ** (sum(widths) if odd else 0)


def find_order(first, second):
    a, b = (np.column_stack([W1, b1, W2.T]).tolist() for W1, b1, W2 in (first, second))
    return [a.index(n) for n in b] if sorted(a) == sorted(b) else None


# %% wrong: the inverse permutation
import math


def permute(W1, b1, W2, order):
    back = np.argsort(order)
    return W1[back], b1[back], W2[:, back]


def count_twins(widths, odd):
    return math.prod(math.factorial(m) for m in widths) * 2 ** (sum(widths) if odd else 0)


def find_order(first, second):
    a, b = (np.column_stack([W1, b1, W2.T]).tolist() for W1, b1, W2 in (first, second))
    return [a.index(n) for n in b] if sorted(a) == sorted(b) else None


# %% wrong: the rows of W2
import math


def permute(W1, b1, W2, order):
    return W1[order], b1[order], W2[order]


def count_twins(widths, odd):
    return math.prod(math.factorial(m) for m in widths) * 2 ** (sum(widths) if odd else 0)


def find_order(first, second):
    a, b = (np.column_stack([W1, b1, W2.T]).tolist() for W1, b1, W2 in (first, second))
    return [a.index(n) for n in b] if sorted(a) == sorted(b) else None


# %% wrong: forgets to count the signs
import math


def permute(W1, b1, W2, order):
    return W1[order], b1[order], W2[:, order]


def count_twins(widths, odd):
    return math.prod(math.factorial(m) for m in widths)


def find_order(first, second):
    a, b = (np.column_stack([W1, b1, W2.T]).tolist() for W1, b1, W2 in (first, second))
    if sorted(a) != sorted(b):
        return None
    order = []
    for n in b:
        order.append(next(i for i, m in enumerate(a) if m == n and i not in order))
    return order


# %% wrong: the count is a floating-point number
import math


def permute(W1, b1, W2, order):
    return W1[order], b1[order], W2[:, order]


def count_twins(widths, odd):
    return math.prod(math.gamma(m + 1.0) for m in widths) * 2.0 ** (sum(widths) if odd else 0)


def find_order(first, second):
    a, b = (np.column_stack([W1, b1, W2.T]).tolist() for W1, b1, W2 in (first, second))
    if sorted(a) != sorted(b):
        return None
    order = []
    for n in b:
        order.append(next(i for i, m in enumerate(a) if m == n and i not in order))
    return order


# %% wrong: looks at the biases only
import math


def permute(W1, b1, W2, order):
    return W1[order], b1[order], W2[:, order]


def count_twins(widths, odd):
    return math.prod(math.factorial(m) for m in widths) * 2 ** (sum(widths) if odd else 0)


def find_order(first, second):
    a, b = first[1].tolist(), second[1].tolist()
    return [a.index(n) for n in b] if sorted(a) == sorted(b) else None


# %% wrong: forgets that outgoing weights belong to a neuron
import math


def permute(W1, b1, W2, order):
    return W1[order], b1[order], W2[:, order]


def count_twins(widths, odd):
    return math.prod(math.factorial(m) for m in widths) * 2 ** (sum(widths) if odd else 0)


def find_order(first, second):
    a, b = (np.column_stack([W1, b1]).tolist() for W1, b1, _ in (first, second))
    if sorted(a) != sorted(b):
        return None
    order = []
    for n in b:
        order.append(next(i for i, m in enumerate(a) if m == n and i not in order))
    return order


# %% wrong: returns the order from the second to the first
import math


def permute(W1, b1, W2, order):
    return W1[order], b1[order], W2[:, order]


def count_twins(widths, odd):
    return math.prod(math.factorial(m) for m in widths) * 2 ** (sum(widths) if odd else 0)


def find_order(first, second):
    a, b = (np.column_stack([W1, b1, W2.T]).tolist() for W1, b1, W2 in (first, second))
    return [b.index(n) for n in a] if sorted(a) == sorted(b) else None
