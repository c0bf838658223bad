import math

import keras
from keras import ops

from dl_techniques._checks import check_choice, check_positive, check_positive_int
from dl_techniques._keras_layers import LayerNormalization
from dl_techniques._precision import at_least, at_least_float32, mean_over, product
from dl_techniques._serialization import serializable
from dl_techniques.layers.ffn._feed_forward import FeedForward

_TERNARY = (-1, 1)


@serializable
class BitLinear(FeedForward):
    """Dense layer that learns to do with weights of a few bits, by default with three values.

    Weights and inputs are rounded in each pass, in training and in inference, while the optimizer moves the exact
    weights: rounding counts as the identity in the gradient (straight-through estimator).

    Formula: `y = m_x m_W (q(x / m_x) q(W / m_W)) + bias` with `q(v) = clip(round(s v), low, high) / s`. The range from
    `low = -s` to `high` is that of `bits` bits: `s = floor(2^(bits - 1))`, `high = ceil(2^(bits - 1)) - 1`, so -1 to 1
    for 1.58 bits and -128 to 127 for 8. The measure `m_x` is taken of each vector of features, `m_W` of the whole
    kernel, neither below 1e-5. Computed in float32, but for the product.

    Args:
        out_features: int, size of the output features.
        weight_bits: float in (1, 16]. Any number below 2 means ternary weights.
        activation_bits: float in (1, 16].
        weight_measure: "AbsMax", "AbsMean" or "AbsMedian" of the kernel. BitNet b1.58 has the mean. The default is the
            median of its sequel, which found it to be better in small networks.
        activation_measure: the same of the inputs.
        strategy: "round_clamp", or "sample": in training, ternary values are drawn, so that their mean is `v` within
            `[-1, 1]`, instead of rounded.
        strength: float in (0, 1], how much of the way from the exact to the rounded values to go.
        use_norm: bool, whether to apply layer normalization to the inputs first.
        use_bias: bool, whether to add a bias.
        kernel_initializer: initializer of the kernel.
        bias_initializer: initializer of the bias.
        kernel_regularizer: regularizer of the exact kernel.
        bias_regularizer: regularizer of the bias, or None.
        seed: int or None, seed of "sample".

    Input shape:
        `(batch, ..., features)`.

    Output shape:
        `(batch, ..., out_features)`.

    Example:

    >>> layer = BitLinear(out_features=1)
    >>> layer.build((None, 3))
    >>> _ = layer.kernel.assign([[0.1], [-0.6], [0.5]])
    >>> y = layer(keras.ops.array([[1.0, -1.0, 0.0]]))  # The kernel rounds to 0, -0.5, 0.5.
    >>> print(keras.ops.convert_to_numpy(y))
    [[0.5]]

    References:
        - Ma et al., "The Era of 1-bit LLMs: All Large Language Models are in 1.58 Bits", arXiv:2402.17764
        - Nielsen and Schneider-Kamp, "BitNet b1.58 Reloaded: State-of-the-art Performance Also on Smaller Networks",
          arXiv:2407.09527
    """

    def __init__(
        self,
        out_features: int,
        *,
        weight_bits: float = 1.58,
        activation_bits: float = 8,
        weight_measure: str = "AbsMedian",
        activation_measure: str = "AbsMax",
        strategy: str = "round_clamp",
        strength: float = 1.0,
        use_norm: bool = False,
        use_bias: bool = True,
        kernel_initializer: str | keras.initializers.Initializer = "glorot_uniform",
        bias_initializer: str | keras.initializers.Initializer = "zeros",
        kernel_regularizer: str | keras.regularizers.Regularizer | None = None,
        bias_regularizer: str | keras.regularizers.Regularizer | None = None,
        seed: int | None = None,
        **kwargs,
    ):
        super().__init__(
            use_bias=use_bias,
            kernel_initializer=kernel_initializer,
            bias_initializer=bias_initializer,
            kernel_regularizer=kernel_regularizer,
            bias_regularizer=bias_regularizer,
            seed=seed,
            **kwargs,
        )
        check_positive_int(out_features=out_features)
        check_choice(_MEASURES, weight_measure=weight_measure, activation_measure=activation_measure)
        check_choice(("round_clamp", "sample"), strategy=strategy)
        self._weight_range = _range(weight_bits=weight_bits)
        self._activation_range = _range(activation_bits=activation_bits)
        check_positive(strength=strength)
        if strength > 1:
            raise ValueError(f"`strength` must lie in (0, 1]. Received: strength={strength}")
        if strategy == "sample" and _TERNARY not in (self._weight_range, self._activation_range):
            raise ValueError(
                "The strategy 'sample' needs ternary weights or activations, of less than 2 bits. "
                f"Received: weight_bits={weight_bits}, activation_bits={activation_bits}"
            )
        self.out_features = out_features
        self.weight_bits = weight_bits
        self.activation_bits = activation_bits
        self.weight_measure = weight_measure
        self.activation_measure = activation_measure
        self.strategy = strategy
        self.strength = strength
        self.use_norm = use_norm

        self.norm = LayerNormalization(epsilon=1e-6, name="norm", dtype=self.dtype_policy) if use_norm else None
        self.seed_generator = keras.random.SeedGenerator(seed) if strategy == "sample" else None

    def build(self, input_shape):
        super().build(input_shape)
        if self.norm is not None:
            self.norm.build(input_shape)
        self.kernel = self.add_weight(
            name="kernel",
            shape=(input_shape[-1], self.out_features),
            initializer=self.kernel_initializer,
            regularizer=self.kernel_regularizer,
            autocast=False,
        )
        self.bias = None
        if self.use_bias:
            self.bias = self.add_weight(
                name="bias",
                shape=(self.out_features,),
                initializer=self.bias_initializer,
                regularizer=self.bias_regularizer,
            )

    def call(self, inputs, training=None):
        x = at_least_float32(inputs if self.norm is None else self.norm(inputs))
        kernel = at_least_float32(self.kernel)
        x_measure = _measured(x, self.activation_measure)
        kernel_measure = _measured(ops.reshape(kernel, (-1,)), self.weight_measure)
        x = self._quantized(x / x_measure, self._activation_range, training)
        kernel = self._quantized(kernel / kernel_measure, self._weight_range, training)
        # In units of the measures, or the sums of products would be too large for float16.
        sums = product(ops.cast(x, inputs.dtype), ops.cast(kernel, inputs.dtype))
        y = ops.cast(at_least_float32(sums) * (x_measure * kernel_measure), inputs.dtype)
        return y + self.bias if self.use_bias else y

    def compute_output_shape(self, input_shape):
        return (*input_shape[:-1], self.out_features)

    def _quantized(self, values, bounds: tuple[int, int], training):
        low, high = bounds
        exact = ops.stop_gradient(values)
        if training and self.strategy == "sample" and bounds == _TERNARY:
            threshold = keras.random.uniform(ops.shape(exact), dtype=exact.dtype, seed=self.seed_generator)
            rounded = ops.sign(exact) * ops.cast(ops.abs(exact) >= threshold, exact.dtype)
        else:
            rounded = ops.clip(ops.round(-low * exact), low, high) / -low
        # The last term adds 0 to the result, and 1 to its slope.
        return self.strength * rounded + (1 - self.strength) * exact + (values - exact)


def _range(**bits: float) -> tuple[int, int]:
    ((name, number),) = bits.items()
    if not isinstance(number, int | float) or not 1 < number <= 16:
        raise ValueError(f"`{name}` must be a number in (1, 16]. Received: {name}={number!r}")
    levels = 2 ** (number - 1)
    return -math.floor(levels), math.ceil(levels) - 1


def _measured(values, measure: str):
    """Over the last axis, which stays; a constant for the gradient."""
    return ops.stop_gradient(at_least(_MEASURES[measure](ops.abs(values)), 1e-5))


def _median(values):
    ordered, size = ops.sort(values, axis=-1), values.shape[-1]
    below, above = (size - 1) // 2, size // 2
    return (ordered[..., below : below + 1] + ordered[..., above : above + 1]) / 2


_MEASURES = {
    "AbsMax": lambda values: ops.amax(values, axis=-1, keepdims=True),
    "AbsMean": lambda values: mean_over(values, axis=-1, keepdims=True),
    "AbsMedian": _median,
}
