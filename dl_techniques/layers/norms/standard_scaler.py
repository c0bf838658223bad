from collections.abc import Sequence

import keras
from keras import ops

from dl_techniques._checks import check_axis, check_number, check_positive, normalize_axes
from dl_techniques._precision import at_least_float32, mean_over
from dl_techniques._serialization import serializable


@serializable
class StandardScaler(keras.layers.Layer):
    """Scales each sample to mean 0 and standard deviation 1, leaving out missing values.

    Missing values are NaN in the input, or hidden by Keras' padding mask. They take no part in the statistics, and
    come out as `nan_replacement`. Made for time series whose level and spread differ from one to the next: `axis=1`
    for `(batch, time, features)`. The default scales over the features; a single feature would always come out as 0.

    Formula, computed in float32 and cast back, over the values that are not missing:
    `y = (x - mean(x, axis)) / sqrt(mean((x - mean)^2, axis) + epsilon)`

    To undo it, take the statistics of the same input: `x = scaler.inverse_transform(y, *scaler.statistics(x))`.

    Args:
        epsilon: float > 0, added to the variance.
        nan_replacement: float, the output for a missing value.
        store_stats: bool, whether to remember the mean and the standard deviation of the last training batch, averaged
            over its samples. They are for inspection, see `get_stats`, and never used to scale.
        axis: int or a list of them, the axes to scale over.

    Call arguments:
        inputs: tensor.
        mask: boolean tensor of the first axes of the input, Keras' automatic padding mask; false hides values.
        training: bool, whether to store the statistics.

    Input shape:
        Any. With `store_stats` all sizes but those of the batch and of the axes named must be known.

    Output shape:
        Same as the input.

    Example:

    >>> y = StandardScaler()(keras.ops.convert_to_tensor([[1.0, 2.0, float("nan"), 3.0]]))
    >>> print(keras.ops.convert_to_numpy(y).round(4))
    [[-1.2247  0.      0.      1.2247]]

    References:
        - Kim et al., "Reversible Instance Normalization for Accurate Time-Series Forecasting against Distribution
          Shift", ICLR 2022
        - Auer et al., "TiRex: Zero-Shot Forecasting Across Long and Short Horizons with Enhanced In-Context Learning",
          arXiv:2505.23719
    """

    def __init__(
        self,
        epsilon: float = 1e-5,
        nan_replacement: float = 0.0,
        *,
        store_stats: bool = False,
        axis: int | Sequence[int] = -1,
        **kwargs,
    ):
        super().__init__(**kwargs)
        check_axis(axis)
        check_positive(epsilon=epsilon)
        check_number(nan_replacement=nan_replacement)
        self.epsilon = epsilon
        self.nan_replacement = nan_replacement
        self.store_stats = store_stats
        self.axis = axis
        self.supports_masking = True

    def build(self, input_shape):
        self._axes = normalize_axes(self.axis, input_shape, known=False)
        self.stored_mean = self.stored_std = None
        if self.store_stats:
            shape = tuple(1 if axis in self._axes else size for axis, size in enumerate(input_shape))[1:]
            if None in shape:
                raise ValueError(
                    "With `store_stats` the sizes of the axes that are not scaled over must be known. "
                    f"Received: axis={self.axis}, input_shape={input_shape}"
                )
            self.stored_mean = self.add_weight(name="stored_mean", shape=shape, initializer="zeros", trainable=False)
            self.stored_std = self.add_weight(name="stored_std", shape=shape, initializer="ones", trainable=False)
        super().build(input_shape)

    def call(self, inputs, mask=None, training=None):
        x, present = _present(inputs, mask)
        mean, std = self._statistics(x, present)
        if training and self.trainable and self.store_stats:
            self.stored_mean.assign(mean_over(mean, axis=0))
            self.stored_std.assign(mean_over(std, axis=0))
        return ops.cast(ops.where(present, (x - mean) * (1 / std), self.nan_replacement), inputs.dtype)

    def statistics(self, inputs, mask=None):
        """Returns mean and standard deviation, with the axes kept, of the inputs that a built layer would scale."""
        return self._statistics(*_present(ops.convert_to_tensor(inputs), mask))

    def inverse_transform(self, scaled, mean, std):
        """Returns what was scaled, given its statistics; what was missing comes out near the mean."""
        return ops.cast(at_least_float32(scaled) * std + mean, scaled.dtype)

    def get_stats(self):
        """Returns the mean and the standard deviation stored, or None without `store_stats` or before the build."""
        if not (self.built and self.store_stats):
            return None
        return self.stored_mean.value, self.stored_std.value

    def reset_stats(self):
        """Sets what is stored back to mean 0 and standard deviation 1."""
        if self.get_stats() is not None:
            self.stored_mean.assign(ops.zeros(self.stored_mean.shape))
            self.stored_std.assign(ops.ones(self.stored_std.shape))

    def compute_output_shape(self, input_shape):
        return input_shape

    def _statistics(self, x, present):
        def mean_of(values):
            return ops.sum(values, axis=self._axes, keepdims=True) / number

        number = ops.maximum(ops.sum(ops.cast(present, x.dtype), axis=self._axes, keepdims=True), 1)
        mean = mean_of(x)
        variance = mean_of(ops.where(present, ops.square(x - mean), 0.0))
        return mean, ops.sqrt(variance + self.epsilon)


def _present(inputs, mask):
    """The inputs with zeros for what is missing, and where they are not missing."""
    x = at_least_float32(inputs)
    present = ops.logical_not(ops.isnan(x))
    if mask is not None:
        mask = ops.cast(mask, "bool")
        present = ops.logical_and(present, mask[(..., *(None,) * (len(x.shape) - len(mask.shape)))])
    return ops.where(present, x, 0.0), present
