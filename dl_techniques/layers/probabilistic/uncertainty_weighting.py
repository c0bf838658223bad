import keras
from keras import ops

from dl_techniques._checks import check_rank, normalize_axes
from dl_techniques._precision import at_least_float32
from dl_techniques._serialization import serializable


@serializable
class UncertaintyWeighting(keras.layers.Layer):
    """Adds up the losses of several tasks with weights that are learnt, by how uncertain each task is.

    A loss object of Keras cannot own weights, so this belongs into the model: stack the losses of the tasks in
    `compute_loss`, and return the mean of what the layer makes of them. The model must hold it as an attribute, and
    build it in `build`, so that its weights are trained and saved.

    Formula: `sum_i exp(-s_i) L_i + s_i`, where `s_i` is the logarithm of the variance of task `i`. At the optimum
    `exp(s_i) = L_i`. With `s_i = 0`, where it starts, it is the plain sum. Computed in float32 and cast back.

    Args:
        log_variance_initializer: initializer of `s`.

    Input shape:
        `(batch, tasks)`, a loss for each task.

    Output shape:
        `(batch,)`.

    Example:

    >>> layer = UncertaintyWeighting()
    >>> layer.build((None, 2))
    >>> _ = layer.log_variance.assign([0.0, 1.0])
    >>> print(keras.ops.convert_to_numpy(layer(keras.ops.array([[3.0, 2.0]]))).round(4))
    [4.7358]

    References:
        Kendall, Gal and Cipolla, "Multi-Task Learning Using Uncertainty to Weigh Losses for Scene Geometry and
        Semantics", arXiv:1705.07115; without the factor of 1/2 that is different for each kind of task
    """

    def __init__(
        self,
        log_variance_initializer: str | keras.initializers.Initializer = "zeros",
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.log_variance_initializer = keras.initializers.get(log_variance_initializer)

    def build(self, input_shape):
        check_rank(input_shape, 2)
        normalize_axes(-1, input_shape)
        self.log_variance = self.add_weight(
            name="log_variance",
            shape=(input_shape[-1],),
            initializer=self.log_variance_initializer,
            autocast=False,
        )
        super().build(input_shape)

    def call(self, inputs, training=None):
        losses, log_variance = at_least_float32(inputs), at_least_float32(self.log_variance)
        return ops.cast(ops.sum(ops.exp(-log_variance) * losses + log_variance, axis=-1), inputs.dtype)

    def compute_output_shape(self, input_shape):
        return (input_shape[0],)
