# %% correct: a counter of epochs without improvement
def early_stopping(losses, weights, patience, min_delta):
    best, lowest, waited = 0, losses[0], 0
    for epoch in range(1, len(losses)):
        if lowest - losses[epoch] > min_delta:
            best, lowest, waited = epoch, losses[epoch], 0
            continue
        waited += 1
        if waited >= max(patience, 1):
            return epoch, best, np.copy(weights[best])
    return len(losses) - 1, best, np.copy(weights[best])


# %% correct: carries a copy of the best weights along, as one would in training
def early_stopping(losses, weights, patience, min_delta):
    best, restored = (0, losses[0]), weights[0].copy()
    stopped = 0
    for epoch, (loss, w) in enumerate(zip(losses, weights, strict=True)):
        stopped = epoch
        if loss < best[1] - min_delta:
            best, restored = (epoch, loss), w.copy()
        elif epoch > 0 and epoch - best[0] >= patience:
            break
    return stopped, best[0], restored


# %% wrong: the last weights, not the best ones
def early_stopping(losses, weights, patience, min_delta):
    best = 0
    for epoch in range(1, len(losses)):
        if losses[epoch] < losses[best] - min_delta:
            best = epoch
        elif epoch - best >= patience:
            return epoch, best, weights[epoch]
    return len(losses) - 1, best, weights[-1]


# %% wrong: min_delta relative to the loss
def early_stopping(losses, weights, patience, min_delta):
    best = 0
    for epoch in range(1, len(losses)):
        if losses[epoch] < losses[best] * (1 - min_delta):
            best = epoch
        elif epoch - best >= patience:
            return epoch, best, weights[best]
    return len(losses) - 1, best, weights[best]


# %% wrong: compares with the epoch before
def early_stopping(losses, weights, patience, min_delta):
    best, waited = 0, 0
    for epoch in range(1, len(losses)):
        if losses[epoch] < losses[epoch - 1] - min_delta:
            best, waited = epoch, 0
        else:
            waited += 1
            if waited >= patience:
                return epoch, best, weights[best]
    return len(losses) - 1, best, weights[best]


# %% wrong: stops one epoch late
def early_stopping(losses, weights, patience, min_delta):
    best = 0
    for epoch in range(1, len(losses)):
        if losses[epoch] < losses[best] - min_delta:
            best = epoch
        elif epoch - best > patience:
            return epoch, best, weights[best]
    return len(losses) - 1, best, weights[best]


# %% wrong: an equal loss counts as an improvement
def early_stopping(losses, weights, patience, min_delta):
    best = 0
    for epoch in range(1, len(losses)):
        if losses[epoch] <= losses[best] - min_delta:
            best = epoch
        elif epoch - best >= patience:
            return epoch, best, weights[best]
    return len(losses) - 1, best, weights[best]


# %% wrong: never sets the count back
def early_stopping(losses, weights, patience, min_delta):
    best, waited = 0, 0
    for epoch in range(1, len(losses)):
        if losses[epoch] < losses[best] - min_delta:
            best = epoch
        else:
            waited += 1
            if waited >= patience:
                return epoch, best, weights[best]
    return len(losses) - 1, best, weights[best]


# %% wrong: looks into the future for the best epoch
def early_stopping(losses, weights, patience, min_delta):
    end = int(np.nanargmin(losses))
    best = 0
    for epoch in range(1, len(losses)):
        if losses[epoch] < losses[best] - min_delta:
            best = epoch
        elif epoch - best >= patience:
            return epoch, end, weights[end]
    return len(losses) - 1, end, weights[end]


# %% wrong: forgets min_delta
def early_stopping(losses, weights, patience, min_delta):
    best = 0
    for epoch in range(1, len(losses)):
        if losses[epoch] < losses[best]:
            best = epoch
        elif epoch - best >= patience:
            return epoch, best, weights[best]
    return len(losses) - 1, best, weights[best]


# %% wrong: a loss that is nan counts as an improvement
def early_stopping(losses, weights, patience, min_delta):
    best = 0
    for epoch in range(1, len(losses)):
        if not losses[epoch] >= losses[best] - min_delta:
            best = epoch
        elif epoch - best >= patience:
            return epoch, best, weights[best]
    return len(losses) - 1, best, weights[best]
