import keras
from keras import ops

from dl_techniques._checks import check_positive, check_rank, normalize_axes
from dl_techniques._precision import at_least, at_least_float32, mean_over
from dl_techniques._serialization import serializable

# Under the root only, so that an all-zero channel has gradient 0 instead of NaN; far below any epsilon in use.
_TINY = 1e-30


@serializable
class GlobalResponseNormalization(keras.layers.Layer):
    """Global response normalization: channels compete by their energy over the whole image.

    Each channel is multiplied by how strong it is compared with the others, which keeps channels from collapsing
    into copies of each other. With the zero initializers, the paper's, the layer starts as the identity.

    Formula, computed in float32 and cast back:
    `G_c = sqrt(sum_hw(x_c^2))`, `N_c = G_c / (mean_c(G) + epsilon)`, `y = x + gamma * (x * N) + beta`

    Args:
        epsilon: float > 0, added to the mean of the channel norms.
        gamma_initializer: initializer of `gamma`, one gain a channel.
        beta_initializer: initializer of `beta`, one offset a channel.
        gamma_regularizer: regularizer of `gamma`, or None.
        beta_regularizer: regularizer of `beta`, or None.

    Input shape:
        `(batch, height, width, channels)`; height and width may be unknown.

    Output shape:
        Same as the input.

    Example:

    >>> layer = GlobalResponseNormalization(gamma_initializer="ones")
    >>> y = layer(keras.ops.reshape(keras.ops.arange(1.0, 13.0), (1, 2, 2, 3)))
    >>> print(keras.ops.convert_to_numpy(y)[0, 0, 0].round(4))
    [1.8796 3.9973 6.3653]

    References:
        Woo et al., "ConvNeXt V2: Co-designing and Scaling ConvNets with Masked Autoencoders", arXiv:2301.00808
    """

    def __init__(
        self,
        epsilon: float = 1e-6,
        *,
        gamma_initializer: str | keras.initializers.Initializer = "zeros",
        beta_initializer: str | keras.initializers.Initializer = "zeros",
        gamma_regularizer: str | keras.regularizers.Regularizer | None = None,
        beta_regularizer: str | keras.regularizers.Regularizer | None = None,
        **kwargs,
    ):
        super().__init__(**kwargs)
        check_positive(epsilon=epsilon)
        self.epsilon = epsilon
        self.gamma_initializer = keras.initializers.get(gamma_initializer)
        self.beta_initializer = keras.initializers.get(beta_initializer)
        self.gamma_regularizer = keras.regularizers.get(gamma_regularizer)
        self.beta_regularizer = keras.regularizers.get(beta_regularizer)
        self.supports_masking = True

    def build(self, input_shape):
        check_rank(input_shape, 4)
        normalize_axes(-1, input_shape)
        channels = (input_shape[-1],)
        self.gamma = self.add_weight(
            name="gamma",
            shape=channels,
            initializer=self.gamma_initializer,
            regularizer=self.gamma_regularizer,
            autocast=False,
        )
        self.beta = self.add_weight(
            name="beta",
            shape=channels,
            initializer=self.beta_initializer,
            regularizer=self.beta_regularizer,
            autocast=False,
        )
        super().build(input_shape)

    def call(self, inputs, training=None):
        x = at_least_float32(inputs)
        norm = ops.sqrt(at_least(ops.sum(ops.square(x), axis=(1, 2), keepdims=True), _TINY))
        response = norm / (mean_over(norm, axis=-1, keepdims=True) + self.epsilon)
        # One scale and one offset for each image: their gradients take a single pass over the pixels.
        scale = 1 + at_least_float32(self.gamma) * response
        offset = ops.broadcast_to(at_least_float32(self.beta), ops.shape(scale))
        return ops.cast(x * scale + offset, inputs.dtype)

    def compute_output_shape(self, input_shape):
        return input_shape
