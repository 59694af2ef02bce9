# %% correct: builds the gradients first, the value from a list of weights
def penalty(parameters, strength, kind):
    weights = [name for name in parameters if name[0] == "W"]
    gradients = {name: 0.0 * array for name, array in parameters.items()}
    for name in weights:
        w = parameters[name]
        gradients[name] = strength * (2 * w if kind == "L2" else np.sign(w))
    power = 2 if kind == "L2" else 1
    return strength * sum(float((abs(parameters[n]) ** power).sum()) for n in weights), gradients


# %% correct: knows the biases by their dimension, and lets torch differentiate
def penalty(parameters, strength, kind):
    tensors = {name: torch.tensor(array).requires_grad_() for name, array in parameters.items()}
    total = sum((0 * t).sum() for t in tensors.values())
    for t in tensors.values():
        if t.ndim > 1:
            total = total + strength * ((t * t).sum() if kind == "L2" else t.abs().sum())
    total.backward()
    return total.item(), {name: t.grad.numpy() for name, t in tensors.items()}


# %% wrong: penalises the biases, too
def penalty(parameters, strength, kind):
    if kind == "L2":
        value = sum(np.sum(a**2) for a in parameters.values())
        return strength * value, {name: 2 * strength * a for name, a in parameters.items()}
    value = sum(np.sum(np.abs(a)) for a in parameters.values())
    return strength * value, {name: strength * np.sign(a) for name, a in parameters.items()}


# %% wrong: λ/2 for λ, as weight decay is often written
def penalty(parameters, strength, kind):
    value, gradients = 0.0, {}
    for name, a in parameters.items():
        gradients[name] = np.zeros(a.shape)
        if name.startswith("W"):
            value += strength / 2 * np.sum(a**2) if kind == "L2" else strength * np.sum(np.abs(a))
            gradients[name] = strength * (a if kind == "L2" else np.sign(a))
    return value, gradients


# %% wrong: forgets the 2 in the gradient
def penalty(parameters, strength, kind):
    value, gradients = 0.0, {}
    for name, a in parameters.items():
        gradients[name] = np.zeros(a.shape)
        if name.startswith("W"):
            value += strength * np.sum(a**2 if kind == "L2" else np.abs(a))
            gradients[name] = strength * (a if kind == "L2" else np.sign(a))
    return value, gradients


# %% wrong: takes no absolute value in L1
def penalty(parameters, strength, kind):
    value, gradients = 0.0, {}
    for name, a in parameters.items():
        gradients[name] = np.zeros(a.shape)
        if name.startswith("W"):
            value += strength * np.sum(a**2 if kind == "L2" else a)
            gradients[name] = strength * (2 * a if kind == "L2" else np.sign(a))
    return value, gradients


# %% wrong: the sign as w/|w|, nan at zero
def penalty(parameters, strength, kind):
    value, gradients = 0.0, {}
    for name, a in parameters.items():
        gradients[name] = np.zeros(a.shape)
        if name.startswith("W"):
            value += strength * np.sum(a**2 if kind == "L2" else np.abs(a))
            with np.errstate(invalid="ignore"):
                gradients[name] = strength * (2 * a if kind == "L2" else a / np.abs(a))
    return value, gradients


# %% wrong: the norm of L2 without its square
def penalty(parameters, strength, kind):
    value, gradients = 0.0, {}
    for name, a in parameters.items():
        gradients[name] = np.zeros(a.shape)
        if name.startswith("W"):
            value += strength * (np.sqrt(np.sum(a**2)) if kind == "L2" else np.sum(np.abs(a)))
            gradients[name] = strength * (2 * a if kind == "L2" else np.sign(a))
    return value, gradients


# %% wrong: knows two layers only
def penalty(parameters, strength, kind):
    W1, W2 = parameters["W1"], parameters["W2"]
    gradients = {name: np.zeros(a.shape) for name, a in parameters.items()}
    if kind == "L2":
        gradients["W1"], gradients["W2"] = 2 * strength * W1, 2 * strength * W2
        return strength * (np.sum(W1**2) + np.sum(W2**2)), gradients
    gradients["W1"], gradients["W2"] = strength * np.sign(W1), strength * np.sign(W2)
    return strength * (np.sum(np.abs(W1)) + np.sum(np.abs(W2))), gradients


# %% wrong: only the visible case
def penalty(parameters, strength, kind):
    if kind == "L2":
        gradients = {"W1": [[0.6, -0.8], [0, 0.2]], "b1": [0, 0], "W2": [[-0.4, 0.1]], "b2": [0]}
        return 3.025, {name: np.array(g) for name, g in gradients.items()}
    gradients = {"W1": [[0.1, -0.1], [0, 0.1]], "b1": [0, 0], "W2": [[-0.1, 0.1]], "b2": [0]}
    return 1.05, {name: np.array(g) for name, g in gradients.items()}
