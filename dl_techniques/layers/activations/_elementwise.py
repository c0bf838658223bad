import keras


class ElementwiseActivation(keras.layers.Layer):
    """What all functions of one element share."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.supports_masking = True

    def compute_output_shape(self, input_shape):
        return input_shape


class ExpandedActivation(ElementwiseActivation):
    """A function `x * gate(x)` whose gate, from 0 to 1, is widened by a learned `alpha` to `[-alpha, 1 + alpha]`."""

    def __init__(self, alpha_initializer: str | keras.initializers.Initializer = "zeros", **kwargs):
        super().__init__(**kwargs)
        self.alpha_initializer = keras.initializers.get(alpha_initializer)

    def build(self, input_shape):
        self.alpha = self.add_weight(name="alpha", shape=(), initializer=self.alpha_initializer)
        super().build(input_shape)

    def call(self, inputs, training=None):
        return inputs * (self._gate(inputs) * (1 + 2 * self.alpha) - self.alpha)

    def _gate(self, inputs):
        raise NotImplementedError
