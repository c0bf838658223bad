"""Attention and positions in float64 NumPy, written from the papers with explicit loops where those are clearer."""

import numpy as np


def rotate(x, *, theta=10000.0, rope_dim=None, first_position=0):
    """RoFormer, equation 34, over the axes (..., position, feature)."""
    x = np.array(x, dtype=np.float64)
    rope_dim = x.shape[-1] if rope_dim is None else rope_dim
    turned = x.copy()
    for position in range(x.shape[-2]):
        for i in range(rope_dim // 2):
            angle = (first_position + position) * theta ** (-2 * i / rope_dim)
            turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
            pair = slice(2 * i, 2 * i + 2)
            turned[..., position, pair] = x[..., position, pair] @ turn.T
    return turned


def softmax(scores):
    powers = np.exp(scores - scores.max(axis=-1, keepdims=True))
    return powers / powers.sum(axis=-1, keepdims=True)


def attention_weights(query, key, *, mask=None, bias=0.0, scale=None):
    """(batch, heads, queries, keys) from (batch, length, heads, head_dim); rows that see nothing are zero."""
    query, key = np.asarray(query, np.float64), np.asarray(key, np.float64)
    scale = query.shape[-1] ** -0.5 if scale is None else scale
    scores = np.einsum("bqhd,bkhd->bhqk", query, key) * scale + bias
    if mask is None:
        return softmax(scores)
    mask = np.broadcast_to(mask, scores.shape)
    weights = np.zeros_like(scores)
    for row in np.ndindex(scores.shape[:-1]):
        if mask[row].any():
            weights[row][mask[row]] = softmax(scores[row][mask[row]])
    return weights


def attention(query, key, value, **options):
    groups = query.shape[2] // key.shape[2]
    weights = attention_weights(query, np.repeat(key, groups, axis=2), **options)
    return np.einsum("bhqk,bkhd->bqhd", weights, np.repeat(np.asarray(value, np.float64), groups, axis=2))


def group_query_attention(x, query, key, value, output, *, num_heads, num_kv_heads, rope_dim, mask=None):
    """Kernels without biases, positions from 0."""
    q, k, v = (_heads(x @ w, n) for w, n in ((query, num_heads), (key, num_kv_heads), (value, num_kv_heads)))
    q, k = (np.swapaxes(rotate(np.swapaxes(heads, 1, 2), rope_dim=rope_dim), 1, 2) for heads in (q, k))
    return _concatenate(attention(q, k, v, mask=mask)) @ output


def differential_attention(x, query, key, value, output, lambdas, gain, *, num_heads, lambda_init, mask=None):
    """`lambda_init` is the paper's, that of this very layer."""
    q, k, v = _heads(x @ query, 2 * num_heads), _heads(x @ key, 2 * num_heads), _heads(x @ value, num_heads)
    q1, k1, q2, k2 = (np.asarray(vector, np.float64) for vector in lambdas)
    factor = np.exp(q1 @ k1) - np.exp(q2 @ k2) + lambda_init
    heads = []
    for head in range(num_heads):
        first, second = slice(2 * head, 2 * head + 1), slice(2 * head + 1, 2 * head + 2)
        weights = attention_weights(q[:, :, first], k[:, :, first], mask=mask)
        weights = weights - factor * attention_weights(q[:, :, second], k[:, :, second], mask=mask)
        context = weights[:, 0] @ v[:, :, head]
        normalized = context / np.sqrt((context**2).mean(axis=-1, keepdims=True) + 1e-5)
        heads.append((1 - lambda_init) * gain * normalized)
    return np.concatenate(heads, axis=-1) @ output


def hopfield_attention(query, key, value, *, gain, offset, steps, eps, mask=None):
    """Head by head, refined until the weights hardly change; not normalized if `gain` is None."""
    if gain is not None:
        query, key = (_layer_norm(heads) * gain + offset for heads in (query, key))
    mixed = np.empty((*query.shape[:3], value.shape[-1]))
    for sample, head in np.ndindex(len(query), query.shape[2]):
        one = slice(sample, sample + 1), slice(None), slice(head, head + 1)
        visible = None if mask is None else np.broadcast_to(mask, (len(query), query.shape[2], *mask.shape[2:]))
        visible = None if mask is None else visible[one[0], one[2]]
        state, change = query[one], np.inf
        weights = attention_weights(state, key[one], mask=visible)
        for _ in range(steps):
            if change <= eps:
                break
            state = np.einsum("bhqk,bkhd->bqhd", weights, key[one])
            before, weights = weights, attention_weights(state, key[one], mask=visible)
            change = np.linalg.norm(weights - before)
        mixed[one] = np.einsum("bhqk,bkhd->bqhd", weights, value[one])
    return mixed


def adaptive_softmax(logits, *, min_temp, max_temp, threshold, coefficients):
    """Row by row."""
    logits = np.asarray(logits, np.float64)
    sharpened = np.empty_like(logits)
    for row in np.ndindex(logits.shape[:-1]):
        p = softmax(logits[row])
        entropy = -sum(x * np.log(x) for x in p if x > 0)
        temperature = 1.0
        if entropy > threshold:
            temperature = np.clip(1 / max(np.polyval(coefficients, entropy), 1), min_temp, max_temp)
        sharpened[row] = softmax(logits[row] / temperature)
    return sharpened


def adaptive_attention_weights(query, key, *, mask=None, **options):
    """As `attention_weights`, with the adaptive softmax of the visible scores."""
    scores = np.einsum("bqhd,bkhd->bhqk", query, key) / np.sqrt(query.shape[-1])
    mask = np.broadcast_to(True if mask is None else mask, scores.shape)
    weights = np.zeros_like(scores)
    for row in np.ndindex(scores.shape[:-1]):
        if mask[row].any():
            weights[row][mask[row]] = adaptive_softmax(scores[row][mask[row]], **options)
    return weights


def cut(weights, threshold):
    """Row by row; `threshold` broadcasts to the rows."""
    kept = np.array(weights, np.float64)
    threshold = np.broadcast_to(threshold, (*kept.shape[:-1], 1))
    for row in np.ndindex(kept.shape[:-1]):
        if (kept[row] >= threshold[row]).any():
            kept[row][kept[row] < threshold[row]] = 0
            kept[row] /= kept[row].sum()
    return kept


def cut_repeatedly(weights, *, alpha, times, visible):
    """`visible` says which keys a row may look at."""
    kept = np.array(weights, np.float64)
    for row in np.ndindex(kept.shape[:-1]):
        for step in range(times if visible[row].any() else 0):
            keep = kept[row] >= 1 / (visible[row].sum() * alpha**step)
            keep = keep if keep.any() else np.arange(len(keep)) == kept[row].argmax()
            kept[row] = kept[row] * keep / kept[row][keep].sum()
    return kept


def window_bias(table, window_size):
    """(heads, tokens, tokens) from a table of one row for each relative position; one size, or height and width."""
    height, width = np.broadcast_to(window_size, 2)
    tokens = [(y, x) for y in range(height) for x in range(width)]
    bias = np.empty((table.shape[1], len(tokens), len(tokens)))
    for i, (y_i, x_i) in enumerate(tokens):
        for j, (y_j, x_j) in enumerate(tokens):
            row = (y_i - y_j + height - 1) * (2 * width - 1) + (x_i - x_j + width - 1)
            bias[:, i, j] = table[row]
    return bias


def _layer_norm(x, epsilon=1e-5):
    return (x - x.mean(axis=-1, keepdims=True)) / np.sqrt(x.var(axis=-1, keepdims=True) + epsilon)


def _heads(x, number):
    return x.reshape(*x.shape[:2], number, -1)


def _concatenate(heads):
    return heads.reshape(*heads.shape[:2], -1)
