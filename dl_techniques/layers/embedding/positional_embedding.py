import keras
from keras import ops

from dl_techniques._checks import check_last_axis, check_number, check_positive_int, check_rank, check_rate
from dl_techniques._keras_layers import Dropout
from dl_techniques._serialization import serializable


@serializable
class PositionalEmbedding(keras.layers.Layer):
    """Adds a learned vector for each position to the tokens.

    Formula: `y[t] = dropout(x[t] + P[t])`

    Args:
        max_seq_len: int, number of positions.
        dim: int, size of the features.
        dropout_rate: float in [0, 1), dropout of the sum.
        scale: float >= 0, standard deviation of the truncated normal numbers that `P` starts with.
        seed: int or None, seed of the dropout.

    Input shape:
        `(batch, length, dim)` with `length <= max_seq_len`.

    Output shape:
        Same as the input.

    Example:

    >>> layer = PositionalEmbedding(max_seq_len=32, dim=16)
    >>> tuple(layer(keras.random.normal((2, 10, 16))).shape)
    (2, 10, 16)

    References:
        Devlin et al., "BERT: Pre-training of Deep Bidirectional Transformers for Language Understanding",
        arXiv:1810.04805
    """

    def __init__(
        self,
        max_seq_len: int,
        dim: int,
        *,
        dropout_rate: float = 0.0,
        scale: float = 0.02,
        seed: int | None = None,
        **kwargs,
    ):
        super().__init__(**kwargs)
        check_positive_int(max_seq_len=max_seq_len, dim=dim)
        check_rate(dropout_rate=dropout_rate)
        check_number(scale=scale)
        if scale < 0:
            raise ValueError(f"`scale` must be a number >= 0. Received: scale={scale}")
        self.max_seq_len = max_seq_len
        self.dim = dim
        self.dropout_rate = dropout_rate
        self.scale = scale
        self.seed = seed
        self.supports_masking = True

        self.dropout = Dropout(dropout_rate, seed=seed, name="dropout", dtype=self.dtype_policy)

    def build(self, input_shape):
        check_rank(input_shape, 3)
        check_last_axis(input_shape, dim=self.dim)
        self._check_length(input_shape)
        self.pos_embedding = self.add_weight(
            name="pos_embedding",
            shape=(1, self.max_seq_len, self.dim),
            initializer=keras.initializers.TruncatedNormal(stddev=self.scale),
        )
        super().build(input_shape)

    def call(self, inputs, training=None):
        self._check_length(inputs.shape)
        return self.dropout(inputs + self.pos_embedding[:, : ops.shape(inputs)[1]], training=training)

    def compute_output_shape(self, input_shape):
        return input_shape

    def _check_length(self, input_shape) -> None:
        if input_shape[1] is not None and input_shape[1] > self.max_seq_len:
            raise ValueError(
                "There must be at most `max_seq_len` tokens. "
                f"Received: max_seq_len={self.max_seq_len}, input_shape={tuple(input_shape)}"
            )
