"""Segmentation losses in float64, as their papers write them, of masks `y` and probabilities `p`.

Those of regions give a number for each class in each image.
"""

from collections.abc import Callable

import keras
import numpy as np
from keras import ops
from scipy import ndimage

from dl_techniques.catalogue.values import distributions, one_hot
from tests._frameworks import value_and_gradients
from tests.oracles.compare import GRADIENT_UNITS, assert_accurate, central_differences

SHAPE = (2, 6, 5, 3)
WEIGHTS = [1.0, 2.0, 0.5]
PIXELS = (1, 2)
CROSS = np.array([[0.0, 1.0, 0.0], [1.0, 1.0, 1.0], [0.0, 1.0, 0.0]])


def masks(shape=SHAPE) -> np.ndarray:
    return one_hot(shape, np.random.default_rng(5)).astype("float32")


def predictions(shape=SHAPE, seed: int = 6) -> np.ndarray:
    return distributions(shape, np.random.default_rng(seed)).astype("float32")


def scores(shape=SHAPE, seed: int = 7) -> np.ndarray:
    """Logits."""
    return np.random.default_rng(seed).normal(0, 2, shape).astype("float32")


def square(left: int, top: int = 10, side: int = 12, size: int = 32) -> np.ndarray:
    """That of the background, and the mask: `(1, size, size, 2)`."""
    inside = np.zeros((size, size), bool)
    inside[top : top + side, left : left + side] = True
    return np.stack([~inside, inside], axis=-1)[None].astype("float32")


def softmax(x: np.ndarray) -> np.ndarray:
    e = np.exp(x - x.max(axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)


def mean_of_classes(values, weights=None):
    return np.average(values, axis=-1, weights=weights)


def cross_entropy(y, p, weights=1.0):
    return -np.sum(np.asarray(weights) * y * np.log(p), axis=-1).mean(axis=PIXELS)


def focal(y, p, weights=1.0, *, alpha, gamma):
    return -np.sum(np.asarray(weights) * alpha * y * (1 - p) ** gamma * np.log(p), axis=-1).mean(axis=PIXELS)


def dice(y, p, *, smooth=1e-6, squared=False):
    power = 2 if squared else 1
    sizes = np.sum(y**power, axis=PIXELS) + np.sum(p**power, axis=PIXELS)
    return 1 - (2 * np.sum(y * p, axis=PIXELS) + smooth) / (sizes + smooth)


def tversky(y, p, *, alpha=0.3, beta=0.7, smooth=1e-6):
    hits, alarms, misses = (np.sum(x, axis=PIXELS) for x in (y * p, (1 - y) * p, y * (1 - p)))
    return 1 - (hits + smooth) / (hits + alpha * alarms + beta * misses + smooth)


def weighted_cross_entropy(y, p, *, beta):
    """Of the combo loss."""
    return -np.mean(beta * y * np.log(p) + (1 - beta) * (1 - y) * np.log(1 - p), axis=PIXELS)


def jaccard_loss(mask, wrong):
    """Equation 6 of the Lovasz paper, of a set of pixels that are wrong."""
    return np.sum(wrong) / np.sum(mask | wrong)


def lovasz(y, p, weights=None):
    """Definition 1 and equations 8 and 9 of the paper, over the classes that an image shows."""
    images, classes = y.shape[0], y.shape[-1]
    mask, errors = (x.reshape(images, -1, classes) for x in (y > 0.5, np.abs(y - p)))
    result = np.empty(images)
    for b in range(images):
        terms, counts = [], []
        for c in np.flatnonzero(mask[b].any(axis=0)):
            wrong, last, term = np.zeros(mask.shape[1], bool), 0.0, 0.0
            for i in np.argsort(-errors[b, :, c]):
                wrong[i] = True
                now = jaccard_loss(mask[b, :, c], wrong)
                term, last = term + errors[b, i, c] * (now - last), now
            terms.append(term)
            counts.append(1.0 if weights is None else weights[c])
        result[b] = np.average(terms, weights=counts)
    return result


def signed_distances(masks):
    """Of each class in each image."""
    result = np.zeros(masks.shape)
    for b, c in np.ndindex(masks.shape[0], masks.shape[-1]):
        mask = masks[b, ..., c] > 0.5
        if mask.any():
            result[b, ..., c] = ndimage.distance_transform_edt(~mask) - ndimage.distance_transform_edt(mask)
    return result


def each_channel(function: Callable, x):
    """Applies a function of two axes to each class of each image."""
    result = np.empty(x.shape)
    for b, c in np.ndindex(x.shape[0], x.shape[-1]):
        result[b, ..., c] = function(x[b, ..., c])
    return result


def boundary_weights(y, theta):
    length = each_channel(lambda m: np.hypot(*(ndimage.sobel(m, axis=a, mode="nearest") for a in (0, 1))), y)
    return np.minimum(length, theta) / theta


def eroded(errors):
    """Karimi and Salcudean: a convolution with the cross, then a soft threshold at a half."""
    means = each_channel(lambda e: ndimage.convolve(e, CROSS / CROSS.sum(), mode="constant"), errors)
    return np.where(means > 0.5, (means - 0.5) / 0.5, 0.0)


def hausdorff(y, p, *, alpha=2.0, erosions=10):
    errors, total = (y - p) ** 2, 0.0
    for k in range(1, erosions + 1):
        errors = eroded(errors)
        total = total + errors * k**alpha
    return np.mean(total, axis=PIXELS)


def values_and_gradient(loss, y_true, y_pred) -> tuple[np.ndarray, np.ndarray]:
    """Of each image, for a random cotangent."""
    target = ops.convert_to_tensor(y_true)
    layer = keras.layers.Lambda(lambda x: loss.call(target, x))
    # JAX compiles a function faster than its operations one by one.
    jit = keras.backend.backend() == "jax"
    (found,), (gradient,) = value_and_gradients(layer, [y_pred], [cotangent(len(y_pred))], training=True, jit=jit)
    return ops.convert_to_numpy(found), ops.convert_to_numpy(gradient)


def cotangent(images: int) -> np.ndarray:
    return np.linspace(1.0, 2.0, images).astype("float32")


def assert_same_loss(loss, oracle: Callable, y_true, y_pred) -> None:
    """Values and gradient equal those of `oracle(y, p)`, which is given the softmax of logits."""
    read = softmax if loss.from_logits else np.asarray
    y, x = np.asarray(y_true, "float64"), np.asarray(y_pred, "float64")
    found, gradient = values_and_gradient(loss, y_true, y_pred)
    assert_accurate(found, oracle(y, read(x)))
    expected = central_differences(lambda x: oracle(y, read(x)), [x], 0, cotangent(len(x)))
    assert_accurate(gradient, expected, GRADIENT_UNITS)


def value(loss, y_true, y_pred) -> np.ndarray:
    """Of each image."""
    return ops.convert_to_numpy(loss.call(ops.convert_to_tensor(y_true), ops.convert_to_tensor(y_pred)))
