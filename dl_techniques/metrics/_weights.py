"""Sample weights, as every metric takes them."""

from keras import ops


def weights_of(values, sample_weight):
    """Returns a weight for each value, in its dtype: one for each of the first axes, shared by the rest; or 1."""
    if sample_weight is None:
        return ops.ones_like(values)
    weights = ops.convert_to_tensor(sample_weight, dtype=values.dtype)
    rank = len(values.shape)
    if len(weights.shape) == rank + 1 and weights.shape[-1] == 1:
        weights = ops.squeeze(weights, axis=-1)
    pairs = zip(weights.shape, values.shape, strict=False)
    if len(weights.shape) > rank or any(None not in (w, v) and w not in (1, v) for w, v in pairs):
        raise ValueError(
            "`sample_weight` must have the shape of what is weighted, or that of its first axes. "
            f"Received: sample_weight shape={tuple(weights.shape)}, expected {tuple(values.shape)}"
        )
    shared = (1,) * (rank - len(weights.shape))
    return ops.broadcast_to(ops.reshape(weights, (*ops.shape(weights), *shared)), ops.shape(values))
