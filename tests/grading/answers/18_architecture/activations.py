# %% correct: the textbook's formulas, each on the side where it is safe
def activate(u, name):
    u = np.asarray(u, dtype=float)
    small = np.exp(-np.abs(u))
    if name == "sigmoid":
        return np.where(u >= 0, 1 / (1 + small), small / (1 + small))
    if name == "tanh":
        return np.sign(u) * (1 - small**2) / (1 + small**2)
    if name == "relu":
        return u * (u > 0)
    return np.maximum(u, 0) + np.log1p(small)


def slope(u, name):
    small = np.exp(-np.abs(np.asarray(u, dtype=float)))
    return {
        "sigmoid": small / (1 + small) ** 2,
        "tanh": 4 * small**2 / (1 + small**2) ** 2,
        "relu": (np.asarray(u) > 0).astype(float),
        "softplus": activate(u, "sigmoid"),
    }[name]


# %% correct: torch computes, autograd differentiates
TABLE = {"sigmoid": torch.sigmoid, "tanh": torch.tanh, "relu": torch.relu, "softplus": F.softplus}


def activate(u, name):
    return TABLE[name](torch.tensor(np.asarray(u, dtype=float))).numpy()


def slope(u, name):
    x = torch.tensor(np.asarray(u, dtype=float)).requires_grad_()
    TABLE[name](x).sum().backward()
    return x.grad.numpy()


# %% correct: plain exp, whose overflow happens to end in the right limit
def activate(u, name):
    if name == "sigmoid":
        with np.errstate(over="ignore"):
            return 1 / (1 + np.exp(-u))
    if name == "softplus":
        return np.where(u > 30, u, np.log1p(np.exp(np.minimum(u, 30))))
    return {"tanh": np.tanh(u), "relu": np.clip(u, 0, None)}[name]


def slope(u, name):
    if name in ("sigmoid", "softplus"):
        s = activate(u, "sigmoid")
        return s if name == "softplus" else s * (1 - s)
    return {"tanh": 1 - activate(u, "tanh") ** 2, "relu": np.heaviside(u, 0.0)}[name]


# %% wrong: softplus overflows
def activate(u, name):
    if name == "sigmoid":
        return 0.5 + 0.5 * np.tanh(u / 2)
    if name == "tanh":
        return np.tanh(u)
    if name == "relu":
        return np.maximum(u, 0)
    return np.log(1 + np.exp(u))


def slope(u, name):
    if name == "sigmoid":
        return activate(u, "sigmoid") * (1 - activate(u, "sigmoid"))
    if name == "tanh":
        return 1 - np.tanh(u) ** 2
    if name == "relu":
        return 1.0 * (u > 0)
    return activate(u, "sigmoid")


# %% wrong: the slope of the sigmoid is infinity over infinity far out
def activate(u, name):
    if name == "sigmoid":
        return 1 / (1 + np.exp(-u))
    return {"tanh": np.tanh(u), "relu": np.maximum(u, 0), "softplus": np.logaddexp(u, 0)}[name]


def slope(u, name):
    if name == "sigmoid":
        return np.exp(-u) / (1 + np.exp(-u)) ** 2
    return {"tanh": 1 - np.tanh(u) ** 2, "relu": 1.0 * (u > 0), "softplus": activate(u, "sigmoid")}[
        name
    ]


# %% wrong: tanh from its definition, nan far out
def activate(u, name):
    if name == "tanh":
        return (np.exp(u) - np.exp(-u)) / (np.exp(u) + np.exp(-u))
    return {
        "sigmoid": 0.5 + 0.5 * np.tanh(u / 2),
        "relu": np.maximum(u, 0),
        "softplus": np.logaddexp(u, 0),
    }[name]


def slope(u, name):
    s = 0.5 + 0.5 * np.tanh(u / 2)
    return {
        "sigmoid": s * (1 - s),
        "tanh": 1 - np.tanh(u) ** 2,
        "relu": 1.0 * (u > 0),
        "softplus": s,
    }[name]


# %% wrong: the slope of tanh lacks its square
def activate(u, name):
    s = 0.5 + 0.5 * np.tanh(u / 2)
    return {
        "sigmoid": s,
        "tanh": np.tanh(u),
        "relu": np.maximum(u, 0),
        "softplus": np.logaddexp(u, 0),
    }[name]


def slope(u, name):
    s = 0.5 + 0.5 * np.tanh(u / 2)
    return {"sigmoid": s * (1 - s), "tanh": 1 - np.tanh(u), "relu": 1.0 * (u > 0), "softplus": s}[
        name
    ]


# %% wrong: the slope of ReLU at 0
def activate(u, name):
    s = 0.5 + 0.5 * np.tanh(u / 2)
    return {
        "sigmoid": s,
        "tanh": np.tanh(u),
        "relu": np.maximum(u, 0),
        "softplus": np.logaddexp(u, 0),
    }[name]


def slope(u, name):
    s = 0.5 + 0.5 * np.tanh(u / 2)
    return {
        "sigmoid": s * (1 - s),
        "tanh": 1 - np.tanh(u) ** 2,
        "relu": 1.0 * (u >= 0),
        "softplus": s,
    }[name]


# %% wrong: takes h(u) for u in the slope of the sigmoid
def activate(u, name):
    s = 0.5 + 0.5 * np.tanh(u / 2)
    return {
        "sigmoid": s,
        "tanh": np.tanh(u),
        "relu": np.maximum(u, 0),
        "softplus": np.logaddexp(u, 0),
    }[name]


def slope(u, name):
    s = 0.5 + 0.5 * np.tanh(u / 2)
    return {
        "sigmoid": u * (1 - u),
        "tanh": 1 - np.tanh(u) ** 2,
        "relu": 1.0 * (u > 0),
        "softplus": s,
    }[name]


# %% wrong: only for rows of numbers, not for any shape
def activate(u, name):
    s = [0.5 + 0.5 * float(np.tanh(x / 2)) for x in np.ravel(u)]
    return {
        "sigmoid": np.array(s),
        "tanh": np.tanh(u),
        "relu": np.maximum(u, 0),
        "softplus": np.logaddexp(u, 0),
    }[name]


def slope(u, name):
    s = 0.5 + 0.5 * np.tanh(u / 2)
    return {
        "sigmoid": s * (1 - s),
        "tanh": 1 - np.tanh(u) ** 2,
        "relu": 1.0 * (u > 0),
        "softplus": s,
    }[name]
