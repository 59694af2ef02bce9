# %% correct: momentum, the velocity is the state
def rule():
    return "momentum"


def step(w, g, state, lr):
    v = g.copy() if state is None else 0.9 * state + g
    return w - lr * v, v


# %% correct: RMSprop with a dictionary
def rule():
    return "rmsprop"


def step(w, g, state, lr):
    E = (state or {"E": 0.0})["E"] * 0.99 + 0.01 * g * g
    return w - lr * g / (E**0.5 + 1e-8), {"E": E}


# %% correct: Adam as torch writes it, the corrections in the rate
def rule():
    return "adam"


def step(w, g, state, lr):
    state = dict(state) if state else {"t": 0, "m": 0 * g, "v": 0 * g}
    state["t"] += 1
    state["m"] = state["m"] + 0.1 * (g - state["m"])
    state["v"] = state["v"] + 0.001 * (g * g - state["v"])
    down = np.sqrt(state["v"]) / np.sqrt(1 - 0.999 ** state["t"]) + 1e-8
    return w - lr / (1 - 0.9 ** state["t"]) * state["m"] / down, state


# %% correct: Adam in torch, state as a list
def rule():
    return "adam"


def step(w, g, state, lr):
    w, g = torch.tensor(w), torch.tensor(g)
    t, m, v = state if state is not None else [0, torch.zeros_like(w), torch.zeros_like(w)]
    t, m, v = t + 1, torch.lerp(g, m, 0.9), 0.999 * v + 0.001 * g.square()
    w = w - lr * (m / (1 - 0.9**t)) / ((v / (1 - 0.999**t)).sqrt() + 1e-8)
    return w.numpy(), [t, m, v]


# %% wrong: Adam without its hats
def rule():
    return "adam"


def step(w, g, state, lr):
    m, v = (0, 0) if state is None else state
    m, v = 0.9 * m + 0.1 * g, 0.999 * v + 0.001 * g**2
    return w - lr * m / (np.sqrt(v) + 1e-8), (m, v)


# %% wrong: Adam counts its steps from 0, and is always one behind
def rule():
    return "adam"


def step(w, g, state, lr):
    m, v, t = (0, 0, 1) if state is None else state
    m, v = 0.9 * m + 0.1 * g, 0.999 * v + 0.001 * g**2
    w = w - lr * (m / (1 - 0.9**t)) / (np.sqrt(v / (1 - 0.999**t)) + 1e-8)
    return w, (m, v, 2 if t < 2 else t)


# %% wrong: momentum averages the gradient
def rule():
    return "momentum"


def step(w, g, state, lr):
    v = 0.1 * g + (0 if state is None else 0.9 * state)
    return w - lr * v, v


# %% wrong: momentum forgets everything, plain descent
def rule():
    return "momentum"


def step(w, g, state, lr):
    return w - lr * g, g


# %% wrong: RMSprop with epsilon inside the root
def rule():
    return "rmsprop"


def step(w, g, state, lr):
    E = 0.01 * g**2 + (0 if state is None else 0.99 * state)
    return w - lr * g / np.sqrt(E + 1e-8), E


# %% wrong: RMSprop never forgets, as Adagrad
def rule():
    return "rmsprop"


def step(w, g, state, lr):
    E = 0.01 * g**2 + (0 if state is None else state)
    return w - lr * g / (np.sqrt(E) + 1e-8), E


# %% wrong: climbs
def rule():
    return "momentum"


def step(w, g, state, lr):
    v = g if state is None else 0.9 * state + g
    return w + lr * v, v


# %% wrong: keeps its memory in a global variable, which spoils a second walk
velocity = 0


def rule():
    return "momentum"


def step(w, g, state, lr):
    global velocity
    velocity = 0.9 * velocity + g
    return w - lr * velocity, "global"


# %% wrong: a global memory that is cleared at None, but two walks share it
velocity = 0


def rule():
    return "momentum"


def step(w, g, state, lr):
    global velocity
    velocity = g if state is None else 0.9 * velocity + g
    return w - lr * velocity, "global"


# %% wrong: one mean of squares for all weights
def rule():
    return "rmsprop"


def step(w, g, state, lr):
    E = 0.01 * np.mean(g**2) + (0 if state is None else 0.99 * state)
    return w - lr * g / (np.sqrt(E) + 1e-8), E


# %% wrong: promises Adam, delivers momentum
def rule():
    return "adam"


def step(w, g, state, lr):
    v = g if state is None else 0.9 * state + g
    return w - lr * v, v
