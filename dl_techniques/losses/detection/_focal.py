"""Focal loss of independent classes, arXiv:1708.02002."""

from keras import ops

# How near to 0 and 1 a probability may be.
_EPSILON = 1e-7


def log_odds(y_pred, from_logits: bool):
    """`log p` and `log(1 - p)` of independent classes."""
    if from_logits:
        return ops.log_sigmoid(y_pred), ops.log_sigmoid(-y_pred)
    y_pred = ops.clip(y_pred, _EPSILON, 1 - _EPSILON)
    return ops.log(y_pred), ops.log(1 - y_pred)


def log_distribution(y_pred, from_logits: bool):
    """`log p` of classes that exclude each other, on the last axis."""
    if from_logits:
        return ops.log_softmax(y_pred, axis=-1)
    return ops.log(ops.clip(y_pred, _EPSILON, 1.0))


def binary_focal(y_true, log_p, log_q, alpha: float, gamma: float):
    """`-alpha y (1 - p)^gamma log p - (1 - alpha) (1 - y) p^gamma log(1 - p)`, elementwise."""
    present = alpha * y_true * ops.exp(gamma * log_q) * log_p
    absent = (1 - alpha) * (1 - y_true) * ops.exp(gamma * log_p) * log_q
    return -present - absent


def categorical_focal(y_true, log_p, alpha: float, gamma: float):
    """`-alpha y (1 - p)^gamma log p`, elementwise."""
    others = 1 - ops.exp(log_p)
    # No power of 0, which has no gradient where it is less than 1.
    is_sure = others <= 0
    power = ops.exp(gamma * ops.log(ops.where(is_sure, 1.0, others)))
    return -alpha * y_true * ops.where(is_sure, float(gamma == 0), power) * log_p
