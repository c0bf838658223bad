import inspect
import math
from collections.abc import Mapping

import keras
import numpy as np
from keras import ops

from dl_techniques._checks import check_last_axis, check_non_negative, check_positive, check_positive_int, check_rank
from dl_techniques._precision import at_least_float32
from dl_techniques._serialization import serializable


@serializable
class RotaryPositionEmbedding(keras.layers.Layer):
    """Rotary position embedding (RoPE) of queries and keys.

    Turns each pair of features by an angle that grows with the position. The dot product of a turned
    query and a turned key then depends on their distance only, and nothing has to be learned.

    Formula: `(a, b) -> (a cos(m t_i) - b sin(m t_i), a sin(m t_i) + b cos(m t_i))` for the features `2i` and `2i + 1`
    at position `m`, with `t_i = rope_theta^(-2i / rope_dim)`, or for the features `i` and `i + rope_dim / 2` if they
    are not `interleaved`. The features from `rope_dim = 2 * floor(head_dim * rope_percentage / 2)` on stay as they
    are. Computed in float32 and cast back.

    Args:
        head_dim: even int, size of the last axis.
        max_seq_len: int, number of positions.
        rope_theta: float > 0, base of the frequencies.
        rope_percentage: float in (0, 1], fraction of the features to turn: all of them in the paper, by default.
        interleaved: bool, whether neighbours make a pair, as in the paper and in Meta's LLaMA, or a feature of the
            first half and one of the second ("rotate half"), as in GPT-NeoX and in Hugging Face's Transformers.
        rope_scaling: mapping of what LLaMA 3.1 stretches its context with, or `None`: "factor",
            "original_max_position_embeddings" `L`, "low_freq_factor" `l` and "high_freq_factor" `h`, as its
            configuration names them. Frequencies of at most `l` turns in `L` positions are divided by the factor,
            those of at least `h` turns stay, and in between the divided and the whole frequency are mixed linearly.

    Input shape:
        `(batch, heads, length, head_dim)`, with any number of heads and `length <= max_seq_len`.

    Output shape:
        Same as the input.

    Example:

    >>> rope = RotaryPositionEmbedding(head_dim=4, max_seq_len=8)
    >>> y = rope(keras.ops.ones((1, 1, 2, 4)))
    >>> print(keras.ops.convert_to_numpy(y)[0, 0].round(3))
    [[ 1.     1.     1.     1.   ]
     [-0.301  1.382  0.99   1.01 ]]

    References:
        Su et al., "RoFormer: Enhanced Transformer with Rotary Position Embedding", arXiv:2104.09864

        Dubey et al., "The Llama 3 Herd of Models", arXiv:2407.21783, and Meta's code, for the scaling
    """

    def __init__(
        self,
        head_dim: int,
        max_seq_len: int,
        *,
        rope_theta: float = 10000.0,
        rope_percentage: float = 1.0,
        interleaved: bool = True,
        rope_scaling: Mapping[str, float] | None = None,
        **kwargs,
    ):
        super().__init__(**kwargs)
        check_positive_int(head_dim=head_dim, max_seq_len=max_seq_len)
        check_rope(rope_percentage, rope_theta, rope_scaling)
        check_positive(rope_percentage=rope_percentage)
        if head_dim % 2:
            raise ValueError(f"`head_dim` must be even. Received: head_dim={head_dim}")
        self.head_dim = head_dim
        self.max_seq_len = max_seq_len
        self.rope_theta = rope_theta
        self.rope_percentage = rope_percentage
        self.interleaved = interleaved
        self.rope_scaling = rope_scaling
        self.supports_masking = True
        self._rope_dim = int(head_dim * rope_percentage) // 2 * 2

    def build(self, input_shape):
        check_rank(input_shape, 4)
        check_last_axis(input_shape, head_dim=self.head_dim)
        self._check_length(input_shape, axis=-2)
        angles = np.outer(np.arange(self.max_seq_len), self._frequencies())
        self.cos_cached = self._add_table("cos_cached", np.cos(angles))
        self.sin_cached = self._add_table("sin_cached", np.sin(angles))
        super().build(input_shape)

    def call(self, inputs, training=None):
        return self.rotate(inputs)

    def rotate(self, inputs, offset: int = 0, axis: int = -2):
        """Rotates features whose positions run along `axis`, counted from the end, and begin at `offset`."""
        x = at_least_float32(inputs)
        shape = ops.shape(x)
        length = shape[axis]
        self._check_length(inputs.shape, axis, offset)
        cos = ops.cast(self.cos_cached[offset : offset + length], x.dtype)
        sin = ops.cast(self.sin_cached[offset : offset + length], x.dtype)

        broadcast_shape = (length, *(1,) * (-axis - 2), self.head_dim)
        if self.interleaved:
            # Swapping neighbours keeps reads and writes in order, so compilers fuse it into two multiply-adds.
            pairs = ops.reshape(x, (*shape[:-1], self.head_dim // 2, 2))
            swapped = ops.reshape(ops.flip(pairs, axis=-1), shape)
            cos, sin = ops.stack([cos, cos], axis=-1), ops.stack([-sin, sin], axis=-1)
        else:
            half = self._rope_dim // 2
            swapped = _with_halves_swapped(x, half)
            cos = ops.concatenate([cos[:, :half], cos[:, :half], cos[:, half:], cos[:, half:]], axis=-1)
            sin = ops.concatenate([-sin[:, :half], sin[:, :half], sin[:, half:], sin[:, half:]], axis=-1)
        cos, sin = ops.reshape(cos, broadcast_shape), ops.reshape(sin, broadcast_shape)
        return ops.cast(x * cos + swapped * sin, inputs.dtype)

    def compute_output_shape(self, input_shape):
        return input_shape

    def _frequencies(self) -> np.ndarray:
        """One a pair; pairs that stay as they are have the frequency 0."""
        turned = self.rope_theta ** (-np.arange(0, self._rope_dim, 2) / max(self._rope_dim, 1))
        if self.rope_scaling is not None:
            turned = _stretched(turned, **self.rope_scaling)
        return np.pad(turned, (0, (self.head_dim - self._rope_dim) // 2))

    def _add_table(self, name: str, values: np.ndarray):
        return self.add_weight(
            name=name,
            shape=values.shape,
            initializer=lambda shape, dtype: ops.convert_to_tensor(values, dtype=dtype),
            trainable=False,
            # Half precision is too short for angles.
            dtype="float64" if self.variable_dtype == "float64" else "float32",
            autocast=False,
        )

    def _check_length(self, input_shape, axis: int, offset: int = 0) -> None:
        length = input_shape[axis]
        if isinstance(length, int) and offset + length > self.max_seq_len:
            raise ValueError(
                "Positions must be less than `max_seq_len`. Received: "
                f"max_seq_len={self.max_seq_len}, offset={offset}, input_shape={tuple(input_shape)}"
            )


def check_rope(rope_percentage, rope_theta, rope_scaling=None) -> None:
    """For layers that embed positions in this way if the percentage is not 0."""
    check_positive(rope_theta=rope_theta)
    check_non_negative(rope_percentage=rope_percentage)
    if rope_percentage > 1:
        raise ValueError(f"`rope_percentage` must be at most 1. Received: rope_percentage={rope_percentage}")
    if rope_scaling is not None:
        _check_scaling(rope_scaling)


def _check_scaling(rope_scaling) -> None:
    names = list(inspect.signature(_stretched).parameters)[1:]
    if not isinstance(rope_scaling, Mapping) or set(rope_scaling) != set(names):
        raise ValueError(f"`rope_scaling` must have the keys {names}. Received: rope_scaling={rope_scaling!r}")
    check_positive(**rope_scaling)
    if rope_scaling["low_freq_factor"] >= rope_scaling["high_freq_factor"]:
        raise ValueError(
            f"`low_freq_factor` must be less than `high_freq_factor`. Received: rope_scaling={rope_scaling!r}"
        )


def _stretched(
    frequencies: np.ndarray,
    factor: float,
    original_max_position_embeddings: float,
    low_freq_factor: float,
    high_freq_factor: float,
) -> np.ndarray:
    turns = frequencies * original_max_position_embeddings / (2 * math.pi)
    whole = np.clip((turns - low_freq_factor) / (high_freq_factor - low_freq_factor), 0, 1)
    return frequencies * (whole + (1 - whole) / factor)


def _with_halves_swapped(x, half: int):
    """The first `half` features and the next ones change places; the others stay."""
    return ops.concatenate([x[..., half : 2 * half], x[..., :half], x[..., 2 * half :]], axis=-1)
