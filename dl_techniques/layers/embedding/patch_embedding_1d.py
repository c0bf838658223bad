import keras
from keras import ops
from keras.layers import Conv1D

from dl_techniques._checks import check_choice, check_positive_int, check_rank, normalize_axes
from dl_techniques._serialization import serializable
from dl_techniques.utils.tensors import zero_pad


@serializable
class PatchEmbedding1d(keras.layers.Layer):
    """Cuts a time series into patches, which may overlap, and embeds each of them linearly. Missing values count as 0.

    Formula: `y[i] = W flatten(x[e_i - patch_size + 1 : e_i + 1]) + b`, where NaN and what lies outside is 0.

    | `padding` | end `e_i` of patch `i` | patches |
    |---|---|---|
    | "causal" | `length - 1 - (n - 1 - i) stride` | `n = ceil(length / stride)` |
    | "valid" | `i stride + patch_size - 1` | `floor((length - patch_size) / stride) + 1` |
    | "same" | as "valid", after padding both sides alike | `ceil(length / stride)` |

    The last causal patch ends with the series: what came last is what a forecast needs most.

    Args:
        patch_size: int, number of time steps in a patch.
        embed_dim: int, size of an embedding.
        stride: int, time steps from one patch to the next; None means `patch_size`.
        padding: "causal", "valid" or "same".
        use_bias: bool, whether there is a bias.
        kernel_initializer: initializer of the kernel.
        bias_initializer: initializer of the bias.

    Keras' padding mask ends here, with Keras' warning, as a patch mixes steps.

    Input shape:
        `(batch, length, features)`.

    Output shape:
        `(batch, patches, embed_dim)`.

    Example:

    >>> layer = PatchEmbedding1d(patch_size=4, embed_dim=8)
    >>> tuple(layer(keras.random.normal((2, 10, 3))).shape)
    (2, 3, 8)

    References:
        Nie et al., "A Time Series is Worth 64 Words: Long-term Forecasting with Transformers", arXiv:2211.14730
    """

    def __init__(
        self,
        patch_size: int,
        embed_dim: int,
        *,
        stride: int | None = None,
        padding: str = "causal",
        use_bias: bool = True,
        kernel_initializer: str | keras.initializers.Initializer = "glorot_uniform",
        bias_initializer: str | keras.initializers.Initializer = "zeros",
        **kwargs,
    ):
        super().__init__(**kwargs)
        check_positive_int(patch_size=patch_size, embed_dim=embed_dim)
        if stride is not None:
            check_positive_int(stride=stride)
        check_choice(("causal", "valid", "same"), padding=padding)
        self.patch_size = patch_size
        self.embed_dim = embed_dim
        self.stride = stride
        self.padding = padding
        self.use_bias = use_bias
        self.kernel_initializer = keras.initializers.get(kernel_initializer)
        self.bias_initializer = keras.initializers.get(bias_initializer)

        self._step = patch_size if stride is None else stride
        self.projection = Conv1D(
            embed_dim,
            patch_size,
            strides=self._step,
            padding="same" if padding == "same" else "valid",
            data_format="channels_last",
            use_bias=use_bias,
            kernel_initializer=self.kernel_initializer,
            bias_initializer=self.bias_initializer,
            name="projection",
            dtype=self.dtype_policy,
        )

    def build(self, input_shape):
        check_rank(input_shape, 3)
        normalize_axes(-1, input_shape)
        length = input_shape[1]
        if self.padding == "valid" and length is not None and length < self.patch_size:
            raise ValueError(
                "The series must be as long as a patch. "
                f"Received: patch_size={self.patch_size}, input_shape={tuple(input_shape)}"
            )
        self.projection.build((input_shape[0], None, input_shape[2]))
        super().build(input_shape)

    def call(self, inputs, training=None):
        x = ops.where(ops.isnan(inputs), ops.zeros_like(inputs), inputs)
        if self.padding == "causal":
            surplus = (ops.shape(x)[1] - 1) % self._step
            x = zero_pad(x, 1, before=self.patch_size - 1)[:, surplus:]
        return self.projection(x)

    def compute_output_shape(self, input_shape):
        batch, length, _ = input_shape
        if length is None:
            return (batch, None, self.embed_dim)
        covered = length - self.patch_size + 1 if self.padding == "valid" else length
        return (batch, -(-covered // self._step), self.embed_dim)
