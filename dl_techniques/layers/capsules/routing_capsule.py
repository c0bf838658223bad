import keras
from keras import ops
from keras.initializers import VarianceScaling

from dl_techniques._checks import check_positive, check_positive_int, check_rank, normalize_axes
from dl_techniques._precision import at_least_float32, product
from dl_techniques._serialization import serializable
from dl_techniques.layers.capsules._squash import squash
from dl_techniques.utils.tensors import reshape


@serializable
class RoutingCapsule(keras.layers.Layer):
    """Capsules that are found by dynamic routing: each input capsule goes to those that agree with its prediction.

    Formula, for input capsules `u_i`: the predictions are `p_ij = W_ij u_i`. The routing logits `b_ij` start at 0, and
    in each iteration

    - `c_i = softmax_j(b_i)`
    - `v_j = squash(sum_i c_ij p_ij + bias_j)`
    - `b_ij = b_ij + p_ij . v_j`, but for the last

    where `squash` is that of `SquashLayer`. The bias is an addition to the paper. All but the products are computed in
    float32 and cast back.

    In memory are the predictions, `num_capsules * dim_capsules` numbers for each input capsule, about three times.

    Args:
        num_capsules: int, number of output capsules.
        dim_capsules: int, number of components of an output capsule.
        routing_iterations: int, number of iterations. One gives the squashed sum of all predictions, each weighted
            with `1 / num_capsules`.
        stop_gradient_routing: bool, whether the gradient takes the coefficients `c` for constants, which is faster.
        use_bias: bool, whether to add a bias to each component of an output capsule.
        kernel_initializer: initializer of the matrices `W_ij`; its fans are the sizes of one matrix.
        kernel_regularizer: regularizer of the matrices, or None.
        squash_epsilon: float > 0, added to the squared length that is divided by.

    Call arguments:
        inputs: tensor `(batch, inputs, components)`.
        mask: boolean tensor `(batch, inputs)`, Keras' automatic padding mask; false leaves out input capsules.
        training: bool, without effect.

    Input shape:
        `(batch, inputs, components)`.

    Output shape:
        `(batch, num_capsules, dim_capsules)`.

    Example: the digits of the paper. The length of a capsule is the probability that its digit is there.

    >>> v = RoutingCapsule(num_capsules=10, dim_capsules=16)(keras.random.normal((2, 1152, 8)))
    >>> tuple(v.shape)
    (2, 10, 16)
    >>> bool(keras.ops.all(keras.ops.norm(v, axis=-1) < 1))
    True

    References:
        Sabour et al., "Dynamic Routing Between Capsules", arXiv:1710.09829
    """

    def __init__(
        self,
        num_capsules: int,
        dim_capsules: int,
        *,
        routing_iterations: int = 3,
        stop_gradient_routing: bool = False,
        use_bias: bool = True,
        kernel_initializer: str | keras.initializers.Initializer = "glorot_uniform",
        kernel_regularizer: str | keras.regularizers.Regularizer | None = None,
        squash_epsilon: float = 1e-7,
        **kwargs,
    ):
        super().__init__(**kwargs)
        check_positive_int(num_capsules=num_capsules, dim_capsules=dim_capsules, routing_iterations=routing_iterations)
        check_positive(squash_epsilon=squash_epsilon)
        self.num_capsules = num_capsules
        self.dim_capsules = dim_capsules
        self.routing_iterations = routing_iterations
        self.stop_gradient_routing = stop_gradient_routing
        self.use_bias = use_bias
        self.kernel_initializer = keras.initializers.get(kernel_initializer)
        self.kernel_regularizer = keras.regularizers.get(kernel_regularizer)
        self.squash_epsilon = squash_epsilon
        self.supports_masking = True

    def build(self, input_shape):
        check_rank(input_shape, 3)
        normalize_axes((1, 2), input_shape)
        _, inputs, components = input_shape
        self.kernel = self.add_weight(
            name="kernel",
            shape=(inputs, components, self.num_capsules, self.dim_capsules),
            initializer=_of_matrices(self.kernel_initializer, input_axis=1, output_axis=3),
            regularizer=self.kernel_regularizer,
        )
        self.bias = None
        if self.use_bias:
            self.bias = self.add_weight(
                name="bias", shape=(self.num_capsules, self.dim_capsules), initializer="zeros", autocast=False
            )
        super().build(input_shape)

    def call(self, inputs, mask=None, training=None):
        u = ops.transpose(inputs, (1, 0, 2))
        if mask is not None:
            u = ops.where(ops.transpose(ops.cast(mask, "bool"))[..., None], u, ops.zeros_like(u))
        number, components, *sizes = self.kernel.shape
        kernel = reshape(ops.convert_to_tensor(self.kernel), (number, components, -1))
        predictions = reshape(product(u, kernel), (number, ops.shape(u)[1], *sizes))
        predictions = ops.transpose(predictions, (1, 2, 0, 3))
        v = self._capsules(predictions, self._coefficients(predictions))
        return ops.cast(v, inputs.dtype)

    def compute_mask(self, inputs, previous_mask):
        return None

    def compute_output_shape(self, input_shape):
        return (input_shape[0], self.num_capsules, self.dim_capsules)

    def _coefficients(self, predictions):
        """Of the last iteration: `(batch, num_capsules, inputs)`, or None where all are `1 / num_capsules`.

        `predictions` are `(batch, num_capsules, inputs, dim_capsules)`.
        """
        coefficients = logits = None
        if self.num_capsules == 1:
            return coefficients
        for _ in range(self.routing_iterations - 1):
            v = ops.cast(self._capsules(predictions, coefficients), predictions.dtype)
            agreement = at_least_float32(product(predictions, v[..., None])[..., 0])
            logits = agreement if logits is None else logits + agreement
            coefficients = ops.softmax(logits, axis=1)
        if self.stop_gradient_routing and coefficients is not None:
            coefficients = ops.stop_gradient(coefficients)  # The bias has a part in them too.
        return coefficients

    def _capsules(self, predictions, coefficients):
        """`(batch, num_capsules, dim_capsules)`."""
        if coefficients is None:
            sums = ops.sum(at_least_float32(predictions), axis=2) / self.num_capsules
        else:
            coefficients = ops.cast(coefficients, predictions.dtype)
            sums = at_least_float32(product(coefficients[:, :, None, :], predictions)[:, :, 0])
        return squash(sums + at_least_float32(self.bias) if self.use_bias else sums, -1, self.squash_epsilon)


def _of_matrices(initializer, input_axis: int, output_axis: int):
    """One that takes these two axes for the sizes of its matrices; all others would count as pixels of a filter."""
    if not isinstance(initializer, VarianceScaling) or initializer.input_axes is not None:
        return initializer
    return VarianceScaling(
        scale=initializer.scale,
        mode=initializer.mode,
        distribution=initializer.distribution,
        seed=initializer.seed,
        input_axes=[input_axis],
        output_axes=[output_axis],
    )
