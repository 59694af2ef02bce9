# %% correct: one copy of the whole training set after the other
def prepare(X, y, groups, held_out, copies, bound, seed):
    rng = np.random.default_rng(seed)
    validation = [n for n, label in enumerate(groups) if label in held_out]
    training = [n for n, label in enumerate(groups) if label not in held_out]
    images, labels = [X[training]], [y[training]]
    for _ in range(copies):
        angles = [rng.uniform(-1, 1) * bound[c] for c in y[training]]
        images.append(rotate(X[training], np.array(angles)))
        labels.append(y[training])
    return np.concatenate(images), np.concatenate(labels), X[validation], y[validation]


# %% correct: image by image, each followed by its copies, turned by torch's random numbers
def prepare(X, y, groups, held_out, copies, bound, seed):
    generator = torch.Generator().manual_seed(seed)
    parts = {"train": ([], []), "val": ([], [])}
    for image, c, label in zip(X, y, groups, strict=True):
        images, labels = parts["val" if label in set(held_out) else "train"]
        images.append(image)
        labels.append(c)
        if label not in held_out:
            for _ in range(copies):
                u = 2 * torch.rand(1, generator=generator).item() - 1
                images.append(rotate(image[None], [u * bound[c]])[0])
                labels.append(c)
    (a, b), (c, d) = parts["train"], parts["val"]
    return np.stack(a), np.array(b), np.stack(c), np.array(d)


# %% wrong: augments before splitting, so that validation holds copies
def prepare(X, y, groups, held_out, copies, bound, seed):
    X_more, y_more = np.repeat(X, copies, axis=0), np.repeat(y, copies)
    limit = np.asarray(bound)[y_more]
    turned = rotate(X_more, np.random.default_rng(seed).uniform(-limit, limit))
    X_all, y_all = np.concatenate([X, turned]), np.concatenate([y, y_more])
    names = np.concatenate([np.asarray(groups), np.repeat(np.asarray(groups), copies)])
    out = np.isin(names, held_out)
    return X_all[~out], y_all[~out], X_all[out], y_all[out]


# %% wrong: trains on copies of the images held out
def prepare(X, y, groups, held_out, copies, bound, seed):
    out = np.isin(groups, held_out)
    X_more, y_more = np.repeat(X, copies, axis=0), np.repeat(y, copies)
    limit = np.asarray(bound)[y_more]
    turned = rotate(X_more, np.random.default_rng(seed).uniform(-limit, limit))
    X_train, y_train = np.concatenate([X[~out], turned]), np.concatenate([y[~out], y_more])
    return X_train, y_train, X[out], y[out]


# %% wrong: turns the validation images
def prepare(X, y, groups, held_out, copies, bound, seed):
    rng, bound = np.random.default_rng(seed), np.asarray(bound)
    out = np.isin(groups, held_out)
    X_more, y_more = np.repeat(X[~out], copies, axis=0), np.repeat(y[~out], copies)
    turned = rotate(X_more, rng.uniform(-1, 1, len(y_more)) * bound[y_more])
    X_train, y_train = np.concatenate([X[~out], turned]), np.concatenate([y[~out], y_more])
    return X_train, y_train, rotate(X[out], rng.uniform(-1, 1, out.sum()) * bound[y[out]]), y[out]


# %% wrong: one bound for all classes
def prepare(X, y, groups, held_out, copies, bound, seed):
    out = np.isin(groups, held_out)
    X_more, y_more = np.repeat(X[~out], copies, axis=0), np.repeat(y[~out], copies)
    limit = max(bound)
    turned = rotate(X_more, np.random.default_rng(seed).uniform(-limit, limit, len(y_more)))
    X_train, y_train = np.concatenate([X[~out], turned]), np.concatenate([y[~out], y_more])
    return X_train, y_train, X[out], y[out]


# %% wrong: one draw for all copies
def prepare(X, y, groups, held_out, copies, bound, seed):
    out = np.isin(groups, held_out)
    X_more, y_more = np.repeat(X[~out], copies, axis=0), np.repeat(y[~out], copies)
    u = np.random.default_rng(seed).uniform(-1, 1)
    turned = rotate(X_more, u * np.asarray(bound)[y_more])
    X_train, y_train = np.concatenate([X[~out], turned]), np.concatenate([y[~out], y_more])
    return X_train, y_train, X[out], y[out]


# %% wrong: one angle for all copies of an image
def prepare(X, y, groups, held_out, copies, bound, seed):
    out = np.isin(groups, held_out)
    u = np.random.default_rng(seed).uniform(-1, 1, np.sum(~out))
    angles = np.repeat(u * np.asarray(bound)[y[~out]], copies)
    turned = rotate(np.repeat(X[~out], copies, axis=0), angles)
    y_more = np.repeat(y[~out], copies)
    X_train, y_train = np.concatenate([X[~out], turned]), np.concatenate([y[~out], y_more])
    return X_train, y_train, X[out], y[out]


# %% wrong: the originals are missing
def prepare(X, y, groups, held_out, copies, bound, seed):
    out = np.isin(groups, held_out)
    X_more, y_more = np.repeat(X[~out], copies, axis=0), np.repeat(y[~out], copies)
    limit = np.asarray(bound)[y_more]
    turned = rotate(X_more, np.random.default_rng(seed).uniform(-limit, limit))
    return turned, y_more, X[out], y[out]


# %% wrong: images repeated one by one, labels as a whole
def prepare(X, y, groups, held_out, copies, bound, seed):
    out = np.isin(groups, held_out)
    X_more = np.repeat(X[~out], copies, axis=0)
    limit = np.asarray(bound)[np.repeat(y[~out], copies)]
    turned = rotate(X_more, np.random.default_rng(seed).uniform(-limit, limit))
    return np.concatenate([X[~out], turned]), np.tile(y[~out], copies + 1), X[out], y[out]


# %% wrong: turns one way only
def prepare(X, y, groups, held_out, copies, bound, seed):
    out = np.isin(groups, held_out)
    X_more, y_more = np.repeat(X[~out], copies, axis=0), np.repeat(y[~out], copies)
    limit = np.asarray(bound)[y_more]
    turned = rotate(X_more, np.random.default_rng(seed).uniform(0, limit))
    X_train, y_train = np.concatenate([X[~out], turned]), np.concatenate([y[~out], y_more])
    return X_train, y_train, X[out], y[out]


# %% wrong: the bound as a standard deviation
def prepare(X, y, groups, held_out, copies, bound, seed):
    out = np.isin(groups, held_out)
    X_more, y_more = np.repeat(X[~out], copies, axis=0), np.repeat(y[~out], copies)
    turned = rotate(X_more, np.random.default_rng(seed).normal(0, np.asarray(bound)[y_more]))
    X_train, y_train = np.concatenate([X[~out], turned]), np.concatenate([y[~out], y_more])
    return X_train, y_train, X[out], y[out]
