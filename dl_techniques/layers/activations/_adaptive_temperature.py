from collections.abc import Sequence

from keras import ops

from dl_techniques._precision import at_least_float32


def adaptive_temperature_softmax(
    logits, *, min_temp: float, max_temp: float, entropy_threshold: float, polynomial_coeffs: Sequence[float]
):
    """`softmax(logits / T)` over the last axis, in float32, with a temperature that is low where the result is flat.

    `T` is `clip(1 / max(polynomial(H), 1), min_temp, max_temp)` where the entropy `H` of `softmax(logits)`, in nats,
    is above the threshold, and 1 elsewhere. The coefficient of the highest power comes first.
    """
    logits = at_least_float32(logits)
    entropy = _entropy(ops.softmax(logits, axis=-1))
    sharpness = ops.zeros_like(entropy)
    for coefficient in polynomial_coeffs:
        sharpness = sharpness * entropy + coefficient
    temperature = ops.clip(1 / ops.maximum(sharpness, 1.0), min_temp, max_temp)
    temperature = ops.where(entropy > entropy_threshold, temperature, ops.ones_like(entropy))
    return ops.softmax(logits / temperature, axis=-1)


def _entropy(probabilities):
    """Of each row, `(..., 1)`; what is impossible adds nothing."""
    possible = ops.where(probabilities > 0, probabilities, ops.ones_like(probabilities))
    return -ops.sum(possible * ops.log(possible), axis=-1, keepdims=True)
