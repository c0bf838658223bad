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

    The predictions are never held: sums and agreements come from `W_j` and the inputs, weighted by `c_j`. That takes
    `num_capsules` times the memory of the input, and that again for each iteration whose gradient is wanted.

    Args:
        num_capsules: int, number of output capsules.
        dim_capsules: int, number of components of an output capsule.
        routing_iterations: int, number of iterations. One gives the squashed sum of all predictions, each weighted
            with `1 / num_capsules`.
        stop_gradient_routing: bool, whether the gradient takes the coefficients `c` for constants. That is faster, and
            takes less memory.
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
        # The input capsules are the axis that most of the work goes along, so they stand next to one another.
        self.kernel = self.add_weight(
            name="kernel",
            shape=(self.num_capsules, components, inputs, self.dim_capsules),
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
        u = ops.transpose(inputs, (0, 2, 1))
        if mask is not None:
            u = ops.where(ops.cast(mask, "bool")[:, None, :], u, ops.zeros_like(u))
        kernel = reshape(ops.convert_to_tensor(self.kernel), (self.num_capsules, -1, self.dim_capsules))
        bias = at_least_float32(self.bias)[:, None, :] if self.use_bias else None
        coefficients = self._coefficients(u, kernel, bias)
        v = self._capsules(u, kernel, bias, coefficients)
        return ops.cast(ops.transpose(v, (1, 0, 2)), inputs.dtype)

    def compute_mask(self, inputs, previous_mask):
        return None

    def compute_output_shape(self, input_shape):
        return (input_shape[0], self.num_capsules, self.dim_capsules)

    def _coefficients(self, u, kernel, bias):
        """Of the last iteration: `(num_capsules, batch, inputs)`, or None where all are `1 / num_capsules`."""
        coefficients = logits = None
        if self.num_capsules == 1:
            return coefficients
        if self.stop_gradient_routing:
            u, kernel = ops.stop_gradient(u), ops.stop_gradient(kernel)
            bias = ops.stop_gradient(bias) if self.use_bias else None
        for _ in range(self.routing_iterations - 1):
            agreement = self._agreement(u, kernel, self._capsules(u, kernel, bias, coefficients))
            logits = agreement if logits is None else logits + agreement
            coefficients = ops.softmax(logits, axis=0)
        return coefficients

    def _capsules(self, u, kernel, bias, coefficients):
        """`(num_capsules, batch, dim_capsules)`."""
        if coefficients is None:
            sums = at_least_float32(product(reshape(u, (1, -1, kernel.shape[1])), kernel)) / self.num_capsules
        else:
            weighted = ops.cast(coefficients, u.dtype)[:, :, None, :] * u
            sums = product(reshape(weighted, (self.num_capsules, -1, kernel.shape[1])), kernel)
            sums = at_least_float32(sums)
        return squash(sums if bias is None else sums + bias, -1, self.squash_epsilon)

    def _agreement(self, u, kernel, v):
        """`p_ij . v_j` as `u_i . (W_ij^T v_j)`: `(num_capsules, batch, inputs)`."""
        pulled = product(ops.cast(v, u.dtype), ops.transpose(kernel, (0, 2, 1)))
        pulled = reshape(pulled, (self.num_capsules, -1, *u.shape[1:]))
        return ops.sum(at_least_float32(pulled) * at_least_float32(u), axis=2)


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
