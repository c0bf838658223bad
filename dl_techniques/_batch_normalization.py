import keras
from keras import ops

from dl_techniques._precision import at_least_float32, mean_over
from dl_techniques._serialization import PACKAGE


@keras.saving.register_keras_serializable(package=PACKAGE)
class BatchNormalization(keras.layers.BatchNormalization):
    """Keras' layer over the last axis, with the same statistics on each backend and one graph under torch.compile.

    Keras' own computes the variance on PyTorch as a difference of two large numbers, which can get negative, and
    breaks the graph in training mode.
    """

    def build(self, input_shape):
        if self.axis not in (-1, len(input_shape) - 1) or self.renorm or self.synchronized:
            raise ValueError(
                "Only the last axis can be normalized, without `renorm` and `synchronized`. Received: "
                f"axis={self.axis}, renorm={self.renorm}, synchronized={self.synchronized}"
            )
        super().build(input_shape)

    def call(self, inputs, training=None):
        x = at_least_float32(inputs)
        mean, variance = ops.cast(self.moving_mean, x.dtype), ops.cast(self.moving_variance, x.dtype)
        if training and self.trainable:
            axes = tuple(range(len(x.shape) - 1))
            batch_mean = mean_over(x, axis=axes)
            batch_variance = mean_over(ops.square(x - batch_mean), axis=axes)
            self.moving_mean.assign(self.momentum * mean + (1 - self.momentum) * batch_mean)
            self.moving_variance.assign(self.momentum * variance + (1 - self.momentum) * batch_variance)
            mean, variance = batch_mean, batch_variance
        scale = ops.rsqrt(variance + self.epsilon)
        if self.scale:
            scale = scale * ops.cast(self.gamma, x.dtype)
        y = (x - mean) * scale
        return ops.cast(y + ops.cast(self.beta, x.dtype) if self.center else y, inputs.dtype)
