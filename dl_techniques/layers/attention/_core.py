"""Scaled dot-product attention, on which every attention layer of this family is built.

Queries, keys and values are `(batch, length, heads, head_dim)`. Masks are boolean, true where a query may look at a
key, and broadcast to `(batch, heads, query_length, key_length)`. A query that may look at nothing gets zeros.

Where a framework has it, attention is fused. PyTorch's backward pass then does not keep the weights, but computes
them again as `exp(logit - logsumexp)`, so they are wrong by the rounding of the largest logit. Relative to the largest
one, gradients of values are off by up to `2 * 2^-23` times that logit in float32, those of queries and keys by up to
twice as much, as long as the softmax has not saturated: 7e-4 at logits of 1600. Weights that are kept, as on the other
backends, are several times more exact. Beyond, the gradients of queries and keys vanish, and what is left is rounding
in any form.
"""

import math

import keras
from keras import ops

from dl_techniques._precision import at_least_float32, is_float64
from dl_techniques.utils.tensors import quiet_softmax, reshape


def attend(
    query,
    key,
    value,
    *,
    dropout=None,
    training=False,
    mask=None,
    bias=None,
    scale=None,
    is_causal=False,
    return_weights=False,
):
    """Softmax attention; consecutive query heads share one key and value head where there are fewer of those.

    Args:
        query, key, value: the projected heads.
        dropout: `Dropout` layer for the attention weights, or `None`.
        training: whether it drops any.
        mask: boolean mask or `None`.
        bias: added to the scores, or `None`.
        scale: factor of the scores; `1 / sqrt(head_dim)` if `None`.
        is_causal: whether a query may only look at itself and at earlier keys.
        return_weights: whether to return the pair of heads and weights, before dropout and in the dtype of the values.
    """
    drops = dropout is not None and training and dropout.rate > 0
    # JAX' fused attention knows one size of heads only, and Keras' computes float64 in float32 on PyTorch and JAX.
    fuses = not (drops or return_weights or is_float64(query)) and key.shape[-1] == value.shape[-1]
    groups = query.shape[2] // key.shape[2]
    if groups > 1:
        all_see_the_same = bias is None and not is_causal and (mask is None or tuple(mask.shape[1:3]) == (1, 1))
        if fuses and all_see_the_same:
            return _attend_folded(query, key, value, mask, scale)
        # Keras does this too, but not on every backend, and on TensorFlow not for a single head.
        key, value = ops.repeat(key, groups, axis=2), ops.repeat(value, groups, axis=2)
    if fuses:
        return _attend_fused(query, key, value, mask, bias, scale, is_causal)
    if is_causal:
        mask = join_masks(mask, causal_mask(query, key))
    weights = attention_weights(query, key, mask=mask, bias=bias, scale=scale)
    heads = weighted_sum(dropout(weights, training=True) if drops else weights, value)
    return (heads, ops.cast(weights, value.dtype)) if return_weights else heads


def attention_weights(query, key, *, mask=None, bias=None, scale=None, softmax=quiet_softmax):
    """Softmax, or what is given for it, of the scores in float32: `(batch, heads, query_length, key_length)`."""
    query, key, scale = _scaled_first(query, key, scale)
    scores = at_least_float32(ops.einsum("bqhd,bkhd->bhqk", query, key)) * scale
    if bias is not None:
        scores = scores + ops.cast(bias, scores.dtype)
    if mask is not None:
        scores = ops.where(mask, scores, _large_negative(scores.dtype))
    weights = softmax(scores)
    return weights if mask is None else ops.where(mask, weights, ops.zeros_like(weights))


def weighted_sum(weights, value):
    """Applies attention weights `(batch, heads, query_length, key_length)` to the values."""
    return ops.einsum("bhqk,bkhd->bqhd", ops.cast(weights, value.dtype), value)


def split_heads(x, num_heads: int):
    """`(batch, length, heads * head_dim)` to `(batch, length, heads, head_dim)`."""
    return reshape(x, (-1, ops.shape(x)[1], num_heads, x.shape[-1] // num_heads))


def split_query_key_value(x, num_heads: int):
    """`(batch, length, 3 * heads * head_dim)`, queries before keys before values, to three times four axes."""
    parts = reshape(x, (-1, ops.shape(x)[1], 3, num_heads, x.shape[-1] // (3 * num_heads)))
    return ops.unstack(parts, 3, axis=2)


def merge_heads(x):
    """`(batch, length, heads, head_dim)` to `(batch, length, heads * head_dim)`."""
    return reshape(x, (-1, ops.shape(x)[1], x.shape[-2] * x.shape[-1]))


def causal_mask(query, key):
    rows = ops.arange(ops.shape(query)[1], dtype="int32")
    columns = ops.arange(ops.shape(key)[1], dtype="int32")
    return (rows[:, None] >= columns[None, :])[None, None]


def explicit_mask(attention_mask):
    """`(batch, queries, keys)`, or that with an axis for the heads, to a boolean mask of four axes."""
    if attention_mask is None:
        return None
    if len(attention_mask.shape) not in (3, 4):
        raise ValueError(
            "`attention_mask` must have the shape (batch, queries, keys) or (batch, heads, queries, keys). "
            f"Received: attention_mask.shape={tuple(attention_mask.shape)}"
        )
    mask = ops.cast(attention_mask, "bool")
    return mask[:, None] if len(mask.shape) == 3 else mask


def padding_mask(mask):
    """Keras' automatic mask `(batch, keys)` to a mask of four axes."""
    return None if mask is None else ops.cast(mask, "bool")[:, None, None, :]


def join_masks(first, second):
    if first is None or second is None:
        return second if first is None else first
    return ops.logical_and(first, second)


def _attend_fused(query, key, value, mask, bias, scale, is_causal):
    if is_causal and (mask is not None or bias is not None):
        mask, is_causal = join_masks(mask, causal_mask(query, key)), False
    if bias is None:
        penalty = {"mask": mask}
    elif mask is None:
        penalty = {"bias": bias}
    else:
        penalty = {"bias": ops.where(mask, bias, _large_negative(bias.dtype))}
    # Keras' probe for flash attention breaks the PyTorch graph; without it PyTorch still picks its fastest kernel. On
    # JAX the probe overlooks that cuDNN cannot differentiate every mask or bias.
    probes = keras.backend.backend() == "jax" and mask is None and bias is None
    flash_attention = None if probes else False
    if keras.config.backend() == "tensorflow":
        query, key, scale = _scaled_first(query, key, scale)
    heads = ops.dot_product_attention(
        query, key, value, **penalty, scale=scale, is_causal=is_causal, flash_attention=flash_attention
    )
    if mask is None:
        return heads
    sees_something = ops.transpose(ops.any(mask, axis=-1, keepdims=True), (0, 2, 1, 3))
    return ops.where(sees_something, heads, ops.zeros_like(heads))


def _attend_folded(query, key, value, mask, scale):
    """Heads that share a key and value head become more queries of a single one, so that nothing is repeated."""
    length, heads, head_dim = ops.shape(query)[1:]
    shared = key.shape[2]
    groups = heads // shared
    query = ops.transpose(reshape(query, (-1, length, shared, groups, head_dim)), (0, 1, 3, 2, 4))
    query = reshape(query, (-1, length * groups, shared, head_dim))
    mixed = _attend_fused(query, key, value, mask, None, scale, is_causal=False)
    mixed = ops.transpose(reshape(mixed, (-1, length, groups, shared, head_dim)), (0, 1, 3, 2, 4))
    return reshape(mixed, (-1, length, heads, head_dim))


def _scaled_first(query, key, scale):
    """Queries and keys of float16 divided by 32, which rounds nothing, and the scale that is left for their products.

    The largest number of float16 is 65504, and the products would get there before they are scaled.
    """
    scale = 1 / math.sqrt(query.shape[-1]) if scale is None else scale
    if keras.backend.standardize_dtype(query.dtype) != "float16":
        return query, key, scale
    return query / 32, key / 32, scale * 32**2


def _large_negative(dtype):
    """Minus infinity for every purpose, but a row of it has a softmax and a gradient."""
    is_half = keras.backend.standardize_dtype(dtype) == "float16"
    return ops.cast(-3e4 if is_half else -1e30, dtype)
