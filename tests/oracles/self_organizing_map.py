"""Self-organizing maps in float64, one sample after the other."""

import numpy as np
from scipy.spatial.distance import cdist


def best(x: np.ndarray, weights: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Position of the nearest neuron, and the distance to it."""
    distances = cdist(x, weights.reshape(-1, weights.shape[-1]))
    position = np.stack(np.unravel_index(distances.argmin(axis=1), weights.shape[:-1]), axis=-1)
    return position, distances.min(axis=1)


def train(batches, weights, *, rate=0.1, decay=None, sigma=1.0, bubble=False, batch=False, last=1000) -> np.ndarray:
    """The weights after a call with each of the batches; `decay(t)` is the rate where it is given."""
    places = np.argwhere(np.ones(weights.shape[:-1]))
    flat = weights.reshape(len(places), -1).astype("float64")
    for t, x in enumerate(batches):
        if t >= last:
            break
        left = 1 - t / last
        width = max(sigma * left, 0.01)
        now = rate * left if decay is None else decay(t)
        found, _ = best(x, flat.reshape(weights.shape))
        distances = cdist(found, places)
        near = (distances <= width).astype("float64") if bubble else np.exp(-(distances**2) / (2 * width**2))
        if batch:
            reached = near.sum(axis=0) > 0
            flat[reached] = ((near.T @ x)[reached].T / near.sum(axis=0)[reached]).T
        else:
            for sample, neighborhood in zip(x, near, strict=True):
                flat = flat + now * neighborhood[:, None] * (sample - flat)
    return flat.reshape(weights.shape)
