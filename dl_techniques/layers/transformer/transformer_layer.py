import keras

from dl_techniques._checks import check_choice, check_divisible, check_last_axis, check_positive_int
from dl_techniques._serialization import serializable
from dl_techniques.layers.transformer._encoder import EncoderLayer


@serializable
class TransformerLayer(EncoderLayer):
    """One layer of a transformer: tokens look at each other, then each is transformed alone.

    Formula, with the norms before the parts ("pre"): `y = x + dropout(attention(norm(x)))`, `z = y + ffn(norm(y))`;
    with the norms after the sums ("post"): `y = norm(x + dropout(attention(x)))`, `z = norm(y + ffn(y))`, where
    `ffn(y) = dropout(W2 dropout(activation(W1 y + b1)) + b2)`.

    The first transformers had "post". With "pre" deep networks train without a warm-up of the learning rate, but need
    one more norm after the last layer.

    Args:
        hidden_size: int, size of the features.
        num_heads: int, number of attention heads; divides `hidden_size`.
        intermediate_size: int, size of the features inside the feed-forward network, usually `4 * hidden_size`.
        dropout_rate: float in [0, 1), dropout of what attention and the network return, and inside the network.
        attention_dropout_rate: float in [0, 1), dropout of the attention weights.
        activation: activation of the feed-forward network; "gelu" is the exact one.
        normalization_position: "pre" or "post".
        epsilon: float > 0, added to the variances.
        use_bias: bool, whether attention and network have biases.
        kernel_initializer: initializer of the kernels.
        kernel_regularizer: regularizer of the kernels, or None.
        seed: int or None, seed of the dropouts.

    Call arguments:
        inputs: tensor `(batch, length, hidden_size)`.
        attention_mask: boolean tensor `(batch, length, length)` or `(batch, heads, length, length)`, true where a
            query (row) may look at a key (column).
        use_causal_mask: bool, whether to hide later positions.
        mask: boolean tensor `(batch, length)`, Keras' automatic padding mask; hides keys.
        training: bool, whether to apply dropout.

    Input shape:
        `(batch, length, hidden_size)`.

    Output shape:
        Same as the input.

    Example:

    >>> layer = TransformerLayer(hidden_size=16, num_heads=4, intermediate_size=64)
    >>> tuple(layer(keras.random.normal((2, 10, 16)), use_causal_mask=True).shape)
    (2, 10, 16)

    References:
        Vaswani et al., "Attention Is All You Need", arXiv:1706.03762

        Xiong et al., "On Layer Normalization in the Transformer Architecture", arXiv:2002.04745
    """

    def __init__(
        self,
        hidden_size: int,
        num_heads: int,
        intermediate_size: int,
        *,
        dropout_rate: float = 0.0,
        attention_dropout_rate: float = 0.0,
        activation="gelu",
        normalization_position: str = "pre",
        epsilon: float = 1e-6,
        use_bias: bool = True,
        kernel_initializer: str | keras.initializers.Initializer = "glorot_uniform",
        kernel_regularizer: str | keras.regularizers.Regularizer | None = None,
        seed: int | None = None,
        **kwargs,
    ):
        check_positive_int(hidden_size=hidden_size, num_heads=num_heads, intermediate_size=intermediate_size)
        check_divisible(hidden_size=hidden_size, num_heads=num_heads)
        check_choice(("pre", "post"), normalization_position=normalization_position)
        super().__init__(
            hidden_size,
            num_heads,
            intermediate_size,
            dropout_rate=dropout_rate,
            attention_dropout_rate=attention_dropout_rate,
            activation=activation,
            normalize_first=normalization_position == "pre",
            epsilon=epsilon,
            use_bias=use_bias,
            kernel_initializer=kernel_initializer,
            kernel_regularizer=kernel_regularizer,
            seed=seed,
            **kwargs,
        )
        self.hidden_size = hidden_size
        self.intermediate_size = intermediate_size
        self.normalization_position = normalization_position

    def build(self, input_shape):
        check_last_axis(input_shape, hidden_size=self.hidden_size)
        super().build(input_shape)
