"""Forecasts of events that happen or do not: what losses and metrics make of them alike."""

from keras import ops

from dl_techniques._precision import at_least, at_least_float32, unit_interval

STATISTICS = ("in_the_large", "spiegelhalter")

# Where nothing is uncertain, or all is a toss-up, a Z statistic would divide by zero.
_LEAST_VARIANCE = 1e-7


def probability(y_pred, from_logits: bool):
    """In float32 at least."""
    scores = at_least_float32(y_pred)
    return ops.sigmoid(scores) if from_logits else scores


def z_terms(y_true, y_pred, from_logits: bool, statistic: str):
    """For each forecast how far it is off, and the variance of that; Z is made of their sums."""
    event, scores = at_least_float32(y_true), at_least_float32(y_pred)
    if from_logits:
        p, rest = ops.sigmoid(scores), ops.sigmoid(-scores)
    else:
        p = unit_interval(scores)
        rest = 1 - p
    deviation, variance = event * rest - (1 - event) * p, p * rest
    if statistic == "in_the_large":
        return deviation, variance
    return deviation * (rest - p), variance * ops.square(rest - p)


def z_score(deviation, variance):
    return deviation / ops.sqrt(at_least(variance, _LEAST_VARIANCE))
