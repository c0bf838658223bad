import keras
from keras import ops
from keras.initializers import TruncatedNormal

from dl_techniques._checks import check_positive_int, check_rank, check_rate, normalize_axes
from dl_techniques._initializers import derived_seed
from dl_techniques._keras_layers import Dense, Dropout, LayerNormalization
from dl_techniques._shapes import conv_output_shape, pair
from dl_techniques.layers.convolution.depthwise_conv2d import DepthwiseConv2D


class ConvNeXtBranch(keras.layers.Layer):
    """What both versions share: `project(dropout(...activation(expand(norm(depthwise(x))))))`."""

    def __init__(
        self,
        filters,
        kernel_size,
        *,
        strides,
        activation,
        dropout_rate,
        spatial_dropout_rate,
        use_bias,
        kernel_regularizer,
        seed,
        **kwargs,
    ):
        super().__init__(**kwargs)
        check_positive_int(filters=filters)
        check_rate(dropout_rate=dropout_rate, spatial_dropout_rate=spatial_dropout_rate)
        self.filters = filters
        self.kernel_size = kernel_size
        self.strides = strides
        self._strides = pair(strides=strides)
        self.activation = keras.activations.get(activation)
        self.dropout_rate = dropout_rate
        self.spatial_dropout_rate = spatial_dropout_rate
        self.use_bias = use_bias
        self.kernel_regularizer = keras.regularizers.get(kernel_regularizer)
        self.seed = seed

        dtype = self.dtype_policy
        self.depthwise = DepthwiseConv2D(
            kernel_size,
            strides=strides,
            padding="same",
            use_bias=use_bias,
            depthwise_initializer=TruncatedNormal(stddev=0.02),
            depthwise_regularizer=self.kernel_regularizer,
            name="depthwise",
            dtype=dtype,
        )
        self.norm = LayerNormalization(epsilon=1e-6, center=use_bias, name="norm", dtype=dtype)
        self.expand = self._pointwise(4 * filters, "expand")
        self.dropout = Dropout(dropout_rate, seed=seed, name="dropout", dtype=dtype)
        self.spatial_dropout = Dropout(
            spatial_dropout_rate, seed=derived_seed(seed, 1), name="spatial_dropout", dtype=dtype
        )
        self.project = self._pointwise(filters, "project")

    def build(self, input_shape):
        check_rank(input_shape, 4)
        normalize_axes(-1, input_shape)
        shape = self._shape(input_shape, input_shape[-1])
        self.depthwise.build(input_shape)
        self.norm.build(shape)
        self.expand.build(shape)
        self.project.build(self._hidden_shape(input_shape))
        super().build(input_shape)

    def compute_output_shape(self, input_shape):
        return self._shape(input_shape, self.filters)

    def _expanded(self, inputs):
        return self.activation(self.expand(self.norm(self.depthwise(inputs))))

    def _projected(self, hidden, training):
        hidden = self.dropout(hidden, training=training)
        # One draw for each channel. Keras' SpatialDropout2D would break the PyTorch graph even when unseeded.
        kept = self.spatial_dropout(ops.ones_like(hidden[:, :1, :1]), training=training)
        return self.project(hidden * kept)

    def _hidden_shape(self, input_shape):
        return self._shape(input_shape, 4 * self.filters)

    def _shape(self, input_shape, channels):
        return conv_output_shape(input_shape, channels, (1, 1), self._strides, "same")

    def _pointwise(self, units, name):
        return Dense(
            units,
            use_bias=self.use_bias,
            kernel_initializer=TruncatedNormal(stddev=0.02),
            kernel_regularizer=self.kernel_regularizer,
            name=name,
            dtype=self.dtype_policy,
        )
