# %% correct: two hidden layers of two, fifteen numbers
def smallest_net():
    return [
        ([[-0.62, 0.7], [1.72, -1.3]], [0.02, -0.01]),
        ([[35.22, 15.41], [10.16, 4.95]], [-0.54, -0.17]),
        ([[-15.52, 22.74]], [0.26]),
    ]


# %% correct: a twin, with neurons turned and in another order, as arrays
def smallest_net():
    W1 = np.array([[-6.23, -19.33], [1.5, 0.16], [4.13, -7.29], [4.49, -8.08]])
    b1 = np.array([0.13, -0.04, 4.5, -4.77])
    W2 = np.array([[9.16, 17.97, -14.12, -13.86]])
    sign, seat = np.array([-1.0, 1.0, -1.0, 1.0]), [2, 0, 3, 1]
    return [
        ((sign[:, None] * W1)[seat], (sign * b1)[seat]),
        ((W2 * sign)[:, seat], np.array([0.87])),
    ]


# %% correct: trained on the spot, 32 starts at once
def smallest_net():
    torch.manual_seed(1)
    X, y = spirals(300, seed=0)
    X, sign = torch.tensor(X).float(), torch.tensor(2 * y - 1).float()
    params = [
        torch.randn(32, 2, 4) * 1.4,
        torch.randn(32, 1, 4),
        torch.randn(32, 4, 1),
        torch.randn(32, 1, 1),
    ]
    for p in params:
        p.requires_grad_()

    def margins():
        W1, b1, W2, b2 = params
        return (torch.tanh(X @ W1 + b1) @ W2 + b2)[..., 0] * sign

    optimizer = torch.optim.Adam(params, lr=0.06)
    for t in range(700):
        optimizer.param_groups[0]["lr"] = 0.12 * min(1, (700 - t) / 500)
        optimizer.zero_grad()
        F.softplus(-margins()).mean(1).sum().backward()
        optimizer.step()
    best = (margins() > 0).float().mean(1).argmax()
    W1, b1, W2, b2 = (p[best].detach().double() for p in params)
    return [(W1.T.tolist(), b1[0].tolist()), (W2.T.tolist(), b2[0].tolist())]


# %% wrong: works, but with 33 numbers
def smallest_net():
    W1 = [[-6.23, -19.33], [1.5, 0.16], [4.13, -7.29], [4.49, -8.08]] + 4 * [[0.0, 0.0]]
    b1 = [0.13, -0.04, 4.5, -4.77] + 4 * [0.0]
    return [(W1, b1), ([[9.16, 17.97, -14.12, -13.86] + 4 * [0.0]], [0.87])]


# %% wrong: works, but with more than two hundred numbers
def smallest_net():
    W1 = [[-6.23, -19.33], [1.5, 0.16], [4.13, -7.29], [4.49, -8.08]] + 56 * [[0.0, 0.0]]
    b1 = [0.13, -0.04, 4.5, -4.77] + 56 * [0.0]
    return [(W1, b1), ([[9.16, 17.97, -14.12, -13.86] + 56 * [0.0]], [0.87])]


# %% wrong: small, but a single line
def smallest_net():
    return [([[1.0, 0.0]], [0.0])]


# %% wrong: the other arm is class 1
def smallest_net():
    W1 = [[-6.23, -19.33], [1.5, 0.16], [4.13, -7.29], [4.49, -8.08]]
    return [(W1, [0.13, -0.04, 4.5, -4.77]), ([[-9.16, -17.97, 14.12, 13.86]], [-0.87])]


# %% wrong: weights (in, out)
def smallest_net():
    W1 = [[-6.23, 1.5, 4.13, 4.49], [-19.33, 0.16, -7.29, -8.08]]
    return [(W1, [0.13, -0.04, 4.5, -4.77]), ([[9.16], [17.97], [-14.12], [-13.86]], [0.87])]


# %% wrong: two outputs, one for each arm
def smallest_net():
    W1 = [[-6.23, -19.33], [1.5, 0.16], [4.13, -7.29], [4.49, -8.08]]
    W2 = [[-9.16, -17.97, 14.12, 13.86], [9.16, 17.97, -14.12, -13.86]]
    return [(W1, [0.13, -0.04, 4.5, -4.77]), (W2, [-0.87, 0.87])]


# %% wrong: rounded too far
def smallest_net():
    W1 = [[-6, -19], [1, 0], [4, -7], [4, -8]]
    return [(W1, [0, 0, 4, -5]), ([[9, 18, -14, -14]], [1])]
