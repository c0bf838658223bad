"""What the inputs of a technique are like where they are not normally distributed: targets, probabilities, boxes.

Each makes an array of a shape with a generator, or is made by a function that is told what it needs.
"""

from collections.abc import Callable

import numpy as np

Draw = Callable[[tuple[int, ...], np.random.Generator], np.ndarray]


def normal(shape: tuple[int, ...], generator: np.random.Generator) -> np.ndarray:
    return generator.standard_normal(shape)


def probabilities(shape: tuple[int, ...], generator: np.random.Generator) -> np.ndarray:
    return generator.uniform(0.05, 0.95, shape)


def distributions(shape: tuple[int, ...], generator: np.random.Generator) -> np.ndarray:
    """Probabilities that add up to one over the last axis."""
    scores = np.exp(generator.standard_normal(shape))
    return scores / scores.sum(axis=-1, keepdims=True)


def binary(shape: tuple[int, ...], generator: np.random.Generator) -> np.ndarray:
    """Zeros and ones, alternating along the first axis in a random order so that both are there."""
    total = int(np.prod(shape))
    return generator.permutation(np.arange(total) % 2).reshape(shape).astype("float64")


def one_hot(shape: tuple[int, ...], generator: np.random.Generator) -> np.ndarray:
    """Over the last axis; each class occurs where there are as many examples."""
    count, classes = int(np.prod(shape[:-1])), shape[-1]
    return np.eye(classes)[generator.permutation(np.arange(count) % classes)].reshape(shape)


def one_class_an_image(shape: tuple[int, ...], generator: np.random.Generator) -> np.ndarray:
    """One-hot over the last axis, with the same class for all pixels of an image, and the next for the next image."""
    images, *pixels, classes = shape
    rows = np.eye(classes)[np.arange(images) % classes]
    return np.broadcast_to(rows.reshape(images, *[1] * len(pixels), classes), shape).copy()


def nearly_all_wrong(shape: tuple[int, ...], generator: np.random.Generator) -> np.ndarray:
    """Probabilities as of `distributions`, small for the classes of `one_class_an_image`."""
    scores = np.exp(generator.standard_normal(shape)) * np.where(one_class_an_image(shape, generator), 0.02, 1.0)
    return scores / scores.sum(axis=-1, keepdims=True)


def labels(classes: int) -> Draw:
    """Class numbers, as integers."""

    def draw(shape: tuple[int, ...], generator: np.random.Generator) -> np.ndarray:
        return generator.permutation(np.arange(int(np.prod(shape))) % classes).reshape(shape).astype("int32")

    return draw


def boxes(classes: int) -> Draw:
    """Rows of class, left, top, right, bottom, in fractions of the image; the last row of each image is padding."""

    def draw(shape: tuple[int, ...], generator: np.random.Generator) -> np.ndarray:
        number = generator.integers(0, classes, (*shape[:-1], 1))
        corner = generator.uniform(0.0, 0.5, (*shape[:-1], 2))
        size = generator.uniform(0.2, 0.5, (*shape[:-1], 2))
        found = np.concatenate([number, corner, corner + size], axis=-1)
        found[..., -1, :] = -1.0
        return found

    return draw


def detections(classes: int) -> Draw:
    """Rows of class, score, left, top, right, bottom, as `boxes` draws them."""

    def draw(shape: tuple[int, ...], generator: np.random.Generator) -> np.ndarray:
        number = generator.integers(0, classes, (*shape[:-1], 1))
        score = generator.uniform(0.05, 0.95, (*shape[:-1], 1))
        corner = generator.uniform(0.0, 0.5, (*shape[:-1], 2))
        size = generator.uniform(0.2, 0.5, (*shape[:-1], 2))
        return np.concatenate([number, score, corner, corner + size], axis=-1)

    return draw
