import keras

from dl_techniques._checks import check_choice, check_rate
from dl_techniques._keras_layers import Dropout, LayerNormalization
from dl_techniques._serialization import serializable
from dl_techniques.layers.capsules.routing_capsule import RoutingCapsule


@serializable
class CapsuleBlock(keras.layers.Layer):
    """`RoutingCapsule` with dropout and layer normalization, both of which may be left out.

    Formula: `y = norm(dropout(routing(u)))`, where the norm goes over the components of a capsule.

    After the norm the length of a capsule is about `sqrt(dim_capsules)` and no probability any more. Use it between
    capsules, not for those whose length is the answer.

    Args:
        num_capsules: int, number of output capsules.
        dim_capsules: int, number of components of an output capsule.
        routing_iterations: int, number of iterations of the routing.
        dropout_rate: float in [0, 1), dropout of components.
        use_layer_norm: bool, whether to normalize.
        stop_gradient_routing: bool, whether the gradient takes the coefficients of the routing for constants.
        use_bias: bool, whether the routing adds a bias.
        kernel_initializer: initializer of the matrices of the routing; its fans are the sizes of one matrix.
        kernel_regularizer: regularizer of these matrices, or None.
        squash_epsilon: float > 0, added to the squared length that is divided by.
        seed: int or None, seed of the dropout.

    Call arguments:
        inputs: tensor `(batch, inputs, components)`.
        mask: boolean tensor `(batch, inputs)`, Keras' automatic padding mask; false leaves out input capsules.
        training: bool, whether to apply dropout.

    Input shape:
        `(batch, inputs, components)`.

    Output shape:
        `(batch, num_capsules, dim_capsules)`.

    Example:

    >>> block = CapsuleBlock(num_capsules=10, dim_capsules=16, dropout_rate=0.1, use_layer_norm=True)
    >>> tuple(block(keras.random.normal((2, 32, 8))).shape)
    (2, 10, 16)

    References:
        Sabour et al., "Dynamic Routing Between Capsules", arXiv:1710.09829, for the routing.
    """

    def __init__(
        self,
        num_capsules: int,
        dim_capsules: int,
        *,
        routing_iterations: int = 3,
        dropout_rate: float = 0.0,
        use_layer_norm: bool = False,
        stop_gradient_routing: bool = False,
        use_bias: bool = True,
        kernel_initializer: str | keras.initializers.Initializer = "glorot_uniform",
        kernel_regularizer: str | keras.regularizers.Regularizer | None = None,
        squash_epsilon: float = 1e-7,
        seed: int | None = None,
        **kwargs,
    ):
        super().__init__(**kwargs)
        check_rate(dropout_rate=dropout_rate)
        check_choice((False, True), use_layer_norm=use_layer_norm)
        self.num_capsules = num_capsules
        self.dim_capsules = dim_capsules
        self.routing_iterations = routing_iterations
        self.dropout_rate = dropout_rate
        self.use_layer_norm = use_layer_norm
        self.stop_gradient_routing = stop_gradient_routing
        self.use_bias = use_bias
        self.kernel_initializer = keras.initializers.get(kernel_initializer)
        self.kernel_regularizer = keras.regularizers.get(kernel_regularizer)
        self.squash_epsilon = squash_epsilon
        self.seed = seed
        self.supports_masking = True

        dtype = self.dtype_policy
        self.routing = RoutingCapsule(
            num_capsules,
            dim_capsules,
            routing_iterations=routing_iterations,
            stop_gradient_routing=stop_gradient_routing,
            use_bias=use_bias,
            kernel_initializer=self.kernel_initializer,
            kernel_regularizer=self.kernel_regularizer,
            squash_epsilon=squash_epsilon,
            name="routing",
            dtype=dtype,
        )
        self.dropout = Dropout(dropout_rate, seed=seed, name="dropout", dtype=dtype)
        self.norm = LayerNormalization(epsilon=1e-6, name="norm", dtype=dtype) if use_layer_norm else None

    def build(self, input_shape):
        self.routing.build(input_shape)
        if self.norm is not None:
            self.norm.build(self.compute_output_shape(input_shape))
        super().build(input_shape)

    def call(self, inputs, mask=None, training=None):
        capsules = self.dropout(self.routing(inputs, mask=mask), training=training)
        return capsules if self.norm is None else self.norm(capsules)

    def compute_mask(self, inputs, previous_mask):
        return None

    def compute_output_shape(self, input_shape):
        return self.routing.compute_output_shape(input_shape)
