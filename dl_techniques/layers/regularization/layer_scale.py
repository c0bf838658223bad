import keras

from dl_techniques._checks import check_choice, check_min_rank, normalize_axes
from dl_techniques._serialization import serializable


@serializable
class LayerScale(keras.layers.Layer):
    """Learned gain, one a channel or one for all, usually at the end of a residual branch.

    Started near zero it lets a deep network begin as the identity and open its branches one by one, which is what
    made very deep vision transformers trainable.

    Formula: `y = gamma * x`

    The paper starts a network of up to 18 blocks at 0.1, up to 24 at 1e-5, deeper ones at 1e-6, and leaves the sign
    free: `LayerScale(initializer=keras.initializers.Constant(1e-5), constraint=None)`. The defaults are the milder
    start as identity with gains that stay non-negative.

    Args:
        multiplier_type: "channel" for one gain for each element of the last axis, "global" for a single one.
        initializer: initializer of `gamma`.
        regularizer: regularizer of `gamma`, or None.
        constraint: constraint on `gamma`, or None.

    Input shape:
        `(batch, ..., channels)`; for "channel" the number of channels must be known.

    Output shape:
        Same as the input.

    Example:

    >>> y = LayerScale(initializer=keras.initializers.Constant(0.1))(keras.ops.ones((1, 3)))
    >>> print(keras.ops.convert_to_numpy(y))
    [[0.1 0.1 0.1]]

    References:
        Touvron et al., "Going Deeper with Image Transformers", arXiv:2103.17239
    """

    def __init__(
        self,
        multiplier_type: str = "channel",
        *,
        initializer: str | keras.initializers.Initializer = "ones",
        regularizer: str | keras.regularizers.Regularizer | None = None,
        constraint: str | keras.constraints.Constraint | None = "non_neg",
        **kwargs,
    ):
        super().__init__(**kwargs)
        check_choice(("channel", "global"), multiplier_type=multiplier_type)
        self.multiplier_type = multiplier_type
        self.initializer = keras.initializers.get(initializer)
        self.regularizer = keras.regularizers.get(regularizer)
        self.constraint = keras.constraints.get(constraint)
        self.supports_masking = True

    def build(self, input_shape):
        size = 1
        if self.multiplier_type == "channel":
            check_min_rank(input_shape, 2)
            normalize_axes(-1, input_shape)
            size = input_shape[-1]
        self.gamma = self.add_weight(
            name="gamma",
            shape=(size,),
            initializer=self.initializer,
            regularizer=self.regularizer,
            constraint=self.constraint,
        )
        super().build(input_shape)

    def call(self, inputs, training=None):
        return inputs * self.gamma

    def compute_output_shape(self, input_shape):
        return input_shape
