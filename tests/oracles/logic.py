"""Fuzzy logic in float64: the t-norms as their papers write them, and logical neurons as sums."""

from functools import partial, reduce

import numpy as np
from scipy.special import expit

OPERATIONS = ("and", "or", "not", "implies", "equiv", "xor", "nand", "nor")
EXACT = ("lukasiewicz", "godel", "product")
SYSTEMS = (*EXACT, "boolean")

TRUTH_TABLES = {
    "and": lambda x, y: x and y,
    "or": lambda x, y: x or y,
    "implies": lambda x, y: not x or y,
    "equiv": lambda x, y: x == y,
    "xor": lambda x, y: x != y,
    "nand": lambda x, y: not (x and y),
    "nor": lambda x, y: not (x or y),
}


def product_implication(x, y):
    return np.where(x <= y, 1, y / np.where(x == 0, 1, x))


# What the sheets of fuzzy logic have in closed form, also where the library composes it.
CLOSED = {
    "lukasiewicz": {
        "and": lambda x, y: np.maximum(0, x + y - 1),
        "or": lambda x, y: np.minimum(1, x + y),
        "implies": lambda x, y: np.minimum(1, 1 - x + y),
        "equiv": lambda x, y: 1 - np.abs(x - y),
        "xor": lambda x, y: np.where(x + y <= 1, x + y, 2 - x - y),
    },
    "godel": {
        "and": np.minimum,
        "or": np.maximum,
        "implies": lambda x, y: np.where(x <= y, 1, y),
        "equiv": lambda x, y: np.where(x == y, 1, np.minimum(x, y)),
        "xor": lambda x, y: np.minimum(np.maximum(x, y), 1 - np.minimum(x, y)),
    },
    "product": {
        "and": lambda x, y: x * y,
        "or": lambda x, y: x + y - x * y,
        "implies": product_implication,
        "equiv": lambda x, y: product_implication(np.maximum(x, y), np.minimum(x, y)),
        "xor": lambda x, y: (x + y - x * y) * (1 - x * y),
    },
}


def boolean(operation, x, y, temperature):
    def step(z):
        return expit((z - 0.5) / temperature)

    def conjunction(a, b):
        return step(step(a) * step(b))

    def disjunction(a, b):
        return step(1 - (1 - step(a)) * (1 - step(b)))

    def negation(a):
        return step(1 - a)

    def implication(a, b):
        return disjunction(negation(a), b)

    return {
        "and": conjunction,
        "or": disjunction,
        "implies": implication,
        "equiv": lambda a, b: conjunction(implication(a, b), implication(b, a)),
        "xor": lambda a, b: conjunction(disjunction(a, b), negation(conjunction(a, b))),
        "nand": lambda a, b: negation(conjunction(a, b)),
        "nor": lambda a, b: negation(disjunction(a, b)),
    }[operation](x, y)


def logical(operation, system, x, y=None, temperature=1.0):
    """`x` alone for "not"."""
    if operation == "not":
        return expit((0.5 - x) / temperature) if system == "boolean" else 1 - x
    if system == "boolean":
        return boolean(operation, x, y, temperature)
    if operation in ("nand", "nor"):
        return 1 - CLOSED[system][operation[1:]](x, y)
    return CLOSED[system][operation](x, y)


def gate(operation, system, x, importance=None, bias=0.0, temperature=1.0):
    """A gate on the last axis of `x`, folded from left to right. Importances are at most 1."""
    neutral = np.array({"implies": [1, 0]}.get(operation, 1 if operation in ("and", "nand", "equiv") else 0))
    x = x if importance is None else neutral + importance * (x - neutral)
    operands = list(np.moveaxis(x, -1, 0))
    if operation in ("and", "or"):
        truth = reduce(partial(logical, operation, system, temperature=temperature), operands)
    else:
        *before, last = operands
        inner = {"nand": "and", "nor": "or"}.get(operation, operation)
        truth = logical(
            operation,
            system,
            reduce(partial(logical, inner, system, temperature=temperature), before),
            last,
            temperature=temperature,
        )
    return np.clip(truth + bias, 0, 1)[..., None]


def neuron(operation, x, importance, bias):
    """Riegel et al., arXiv:2006.13155, with beta = 1 + bias for AND and 1 - bias for OR and IMPLIES."""
    if operation == "and":
        total = 1 + bias - np.sum(importance * (1 - x), axis=-1, keepdims=True)
    elif operation == "or":
        total = bias + np.sum(importance * x, axis=-1, keepdims=True)
    else:
        total = bias + importance[0] * (1 - x[..., :1]) + importance[1] * x[..., 1:]
    return np.clip(total, 0, 1)
