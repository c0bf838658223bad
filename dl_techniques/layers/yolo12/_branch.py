import keras

from dl_techniques._keras_layers import Dense


class Branch(keras.layers.Layer):
    """Convolution blocks one after the other, and a linear layer on each pixel of what they give."""

    def __init__(self, blocks, units, *, bias_initializer, kernel_initializer, kernel_regularizer, **kwargs):
        super().__init__(**kwargs)
        self.blocks = blocks
        self.output_projection = Dense(
            units,
            kernel_initializer=kernel_initializer,
            bias_initializer=bias_initializer,
            kernel_regularizer=kernel_regularizer,
            name="output",
            dtype=self.dtype_policy,
        )

    def build(self, input_shape):
        shape = input_shape
        for block in self.blocks:
            block.build(shape)
            shape = block.compute_output_shape(shape)
        self.output_projection.build(shape)
        super().build(input_shape)

    def call(self, inputs, training=None):
        x = inputs
        for block in self.blocks:
            x = block(x, training=training)
        return self.output_projection(x)

    def compute_output_shape(self, input_shape):
        return (*input_shape[:3], self.output_projection.units)
