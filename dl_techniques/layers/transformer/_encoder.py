import keras

from dl_techniques._checks import check_positive, check_rank, check_rate
from dl_techniques._initializers import derived_seed, fresh
from dl_techniques._keras_layers import Dropout, LayerNormalization
from dl_techniques.layers.attention.group_query_attention import GroupQueryAttention
from dl_techniques.layers.ffn.mlp_block import MLPBlock


class EncoderLayer(keras.layers.Layer):
    """Self-attention and a feed-forward network, each with a norm and a residual connection.

    `normalize_first` says whether the norms stand before the two parts or after the sums.
    """

    def __init__(
        self,
        width,
        num_heads,
        hidden_width,
        *,
        dropout_rate,
        attention_dropout_rate,
        activation="gelu",
        normalize_first=True,
        epsilon=1e-6,
        use_bias=True,
        kernel_initializer,
        kernel_regularizer,
        seed,
        **kwargs,
    ):
        super().__init__(**kwargs)
        check_rate(dropout_rate=dropout_rate, attention_dropout_rate=attention_dropout_rate)
        check_positive(epsilon=epsilon)
        self.num_heads = num_heads
        self.dropout_rate = dropout_rate
        self.attention_dropout_rate = attention_dropout_rate
        self.activation = keras.activations.get(activation)
        self.epsilon = epsilon
        self.use_bias = use_bias
        self.kernel_initializer = keras.initializers.get(kernel_initializer)
        self.kernel_regularizer = keras.regularizers.get(kernel_regularizer)
        self.seed = seed
        self.supports_masking = True

        self._normalize_first = normalize_first
        dtype = self.dtype_policy
        self.attention_norm = LayerNormalization(epsilon=epsilon, name="attention_norm", dtype=dtype)
        self.attention = GroupQueryAttention(
            width,
            num_heads,
            num_kv_heads=num_heads,
            dropout_rate=attention_dropout_rate,
            rope_percentage=0.0,
            use_bias=use_bias,
            kernel_initializer=self.kernel_initializer,
            kernel_regularizer=self.kernel_regularizer,
            seed=seed,
            name="attention",
            dtype=dtype,
        )
        self.dropout = Dropout(dropout_rate, seed=derived_seed(seed, 1), name="dropout", dtype=dtype)
        self.ffn_norm = LayerNormalization(epsilon=epsilon, name="ffn_norm", dtype=dtype)
        self.ffn = MLPBlock(
            hidden_width,
            width,
            activation=self.activation,
            dropout_rate=dropout_rate,
            use_bias=use_bias,
            kernel_initializer=fresh(self.kernel_initializer, 4),  # Attention has four kernels.
            kernel_regularizer=self.kernel_regularizer,
            seed=derived_seed(seed, 2),
            name="ffn",
            dtype=dtype,
        )

    def build(self, input_shape):
        check_rank(input_shape, 3)
        for part in (self.attention_norm, self.attention, self.ffn_norm, self.ffn):
            part.build(input_shape)
        super().build(input_shape)

    def call(self, inputs, attention_mask=None, use_causal_mask=False, mask=None, training=None):
        def attend(x):
            y = self.attention(
                x, attention_mask=attention_mask, use_causal_mask=use_causal_mask, mask=mask, training=training
            )
            return self.dropout(y, training=training)

        if self._normalize_first:
            x = inputs + attend(self.attention_norm(inputs))
            return x + self.ffn(self.ffn_norm(x), training=training)
        x = self.attention_norm(inputs + attend(inputs))
        return self.ffn_norm(x + self.ffn(x, training=training))

    def compute_output_shape(self, input_shape):
        return input_shape
