import math

import keras
from keras import ops

from dl_techniques._checks import check_choice, check_positive_int, check_rank, normalize_axes
from dl_techniques._precision import at_least_float32, product
from dl_techniques._serialization import serializable
from dl_techniques.utils.tensors import zero_pad


@serializable
class MPSLayer(keras.layers.Layer):
    """Linear model over all products of features, its huge weight tensor factored into a matrix product state.

    Each feature chooses a matrix, and the matrices are multiplied one after the other. So `2^features` products are
    weighted with `2 features bond_dim^2` numbers: features interact in any order, nearby ones best. For a vector of
    features in a meaningful order, as the pixels of an image along its rows.

    Formula: `y = 1^T A_1(x_1) A_2(x_2) ... A_n(x_n) projection + bias`, where `1` is a vector of ones, and

    - "linear": `A_i(x) = A_i^0 + x A_i^1`, for features around 0,
    - "trig": `A_i(x) = cos(pi x / 2) A_i^0 + sin(pi x / 2) A_i^1`, for features in `[0, 1]`,
    - "product": `A_i(x) = x A_i`, a single product of all features, which one feature of 0 makes 0.

    The matrices are multiplied in pairs, then pairs of pairs. What gets large or small is divided by its size, whose
    logarithm is kept: hundreds of features neither vanish nor overflow unless the result does. Computed in float32 and
    cast back.

    Computed so, a sample takes about `features bond_dim^2 (4 + bond_dim / 4)` multiplications and memory for as many
    as `features bond_dim^2` numbers, in training three times that.

    Args:
        output_dim: int, size of the output.
        bond_dim: int, size of the matrices; more of it lets features that lie apart interact.
        feature_map: "linear", "trig" or "product".
        use_bias: bool, whether to add a bias.
        kernel_initializer: initializer of `projection`. The matrices `A_i^0`, and `A_i` of "product", start close to
            the identity, `A_i^1` close to zero; for "trig" close to 0.6 times the identity, as else the more features
            there are above 0, the less would be left.
        bias_initializer: initializer of the bias.
        kernel_regularizer: regularizer of `mps_cores` and `projection`, or None.
        bias_regularizer: regularizer of the bias, or None.

    Input shape:
        `(batch, features)`.

    Output shape:
        `(batch, output_dim)`.

    Example:

    >>> layer = MPSLayer(output_dim=1, bond_dim=1, use_bias=False, kernel_initializer="ones")
    >>> layer.build((None, 3))
    >>> _ = layer.mps_cores.assign(keras.ops.reshape(keras.ops.arange(6.0), (3, 2, 1, 1)))  # x, 2 + 3x, 4 + 5x
    >>> print(keras.ops.convert_to_numpy(layer(keras.ops.array([[2.0, 0.0, -1.0]]))).round(4))
    [[-4.]]

    References:
        - Stoudenmire and Schwab, "Supervised Learning with Quantum-Inspired Tensor Networks", arXiv:1605.05775
        - Novikov et al., "Exponential Machines", arXiv:1605.03795
    """

    def __init__(
        self,
        output_dim: int,
        bond_dim: int = 16,
        *,
        feature_map: str = "linear",
        use_bias: bool = True,
        kernel_initializer: str | keras.initializers.Initializer = "glorot_uniform",
        bias_initializer: str | keras.initializers.Initializer = "zeros",
        kernel_regularizer: str | keras.regularizers.Regularizer | None = None,
        bias_regularizer: str | keras.regularizers.Regularizer | None = None,
        **kwargs,
    ):
        super().__init__(**kwargs)
        check_positive_int(output_dim=output_dim, bond_dim=bond_dim)
        check_choice(("linear", "trig", "product"), feature_map=feature_map)
        self.output_dim = output_dim
        self.bond_dim = bond_dim
        self.feature_map = feature_map
        self.use_bias = use_bias
        self.kernel_initializer = keras.initializers.get(kernel_initializer)
        self.bias_initializer = keras.initializers.get(bias_initializer)
        self.kernel_regularizer = keras.regularizers.get(kernel_regularizer)
        self.bias_regularizer = keras.regularizers.get(bias_regularizer)

    def build(self, input_shape):
        check_rank(input_shape, 2)
        normalize_axes(-1, input_shape)
        sites = () if self.feature_map == "product" else (2,)
        self.mps_cores = self.add_weight(
            name="mps_cores",
            shape=(input_shape[-1], *sites, self.bond_dim, self.bond_dim),
            initializer=self._near_identity,
            regularizer=self.kernel_regularizer,
            autocast=False,
        )
        self.projection = self.add_weight(
            name="projection",
            shape=(self.bond_dim, self.output_dim),
            initializer=self.kernel_initializer,
            regularizer=self.kernel_regularizer,
            autocast=False,
        )
        self.bias = None
        if self.use_bias:
            self.bias = self.add_weight(
                name="bias",
                shape=(self.output_dim,),
                initializer=self.bias_initializer,
                regularizer=self.bias_regularizer,
            )
        super().build(input_shape)

    def call(self, inputs, training=None):
        x = ops.transpose(at_least_float32(inputs))
        cores = at_least_float32(self.mps_cores)
        if self.feature_map == "product":
            x, log_sizes = _normalized(x[..., None, None], axis=(2, 3))
            number, log_number = _chain_product(x)
            matrix, log_matrix = _chain_product(cores[:, None])
            matrix, log_norm = number * matrix, ops.sum(log_sizes, axis=0) + log_number + log_matrix
        else:
            missing = -x.shape[0] % _GROUP
            features, log_sizes = _normalized(self._mapped(zero_pad(x, 0, after=missing)), axis=(2,))
            matrices = _matrices_of_groups(features, _with_identities(cores, missing))
            matrix, log_matrix = _chain_product(matrices)
            log_norm = ops.sum(log_sizes, axis=0)[..., None] + log_matrix
        y = product(ops.sum(matrix, axis=1), at_least_float32(self.projection)) * ops.exp(log_norm[..., 0])
        y = ops.cast(y, inputs.dtype)
        return y + self.bias if self.use_bias else y

    def compute_output_shape(self, input_shape):
        return (input_shape[0], self.output_dim)

    def _near_identity(self, shape, dtype=None):
        """The noise of all matrices together is about as large as the identity."""
        noise = keras.initializers.RandomNormal(stddev=0.5 / math.sqrt(shape[0] * shape[-1]))(shape, dtype=dtype)
        identity = ops.eye(shape[-1], dtype=dtype)
        if self.feature_map == "product":
            return noise + identity
        return noise + ops.stack([identity, {"linear": 0.0, "trig": _SINE}[self.feature_map] * identity])

    def _mapped(self, x):
        if self.feature_map == "linear":
            return ops.stack([ops.ones_like(x), x], axis=-1)
        angle = x * (math.pi / 2)
        return ops.stack([ops.cos(angle), ops.sin(angle)], axis=-1)


# A sample has matrices of its own for groups of so many features only: products of fewer are taken of the cores, which
# are the same for all samples. That leaves a quarter of the small products, and larger groups would have more terms
# than that saves. A vector times one matrix after the other would do with bond_dim times less, in as many steps as
# there are features, for which no loop is differentiable and compiled on all backends.
_GROUP = 4

# The logarithm of cos(angle) + _SINE * sin(angle) is zero on average from 0 to pi / 2.
_SINE = 0.6


def _with_identities(cores, number: int):
    """`number` sites more, each of which is the identity for a feature of 0."""
    if not number:
        return cores
    identity = ops.eye(cores.shape[-1], dtype=cores.dtype)
    core = ops.stack([identity, ops.zeros_like(identity)])
    return ops.concatenate([cores, ops.broadcast_to(core, (number, *core.shape))], axis=0)


def _matrices_of_groups(features, cores):
    """`(groups, batch, bond, bond)` from `(sites, batch, terms)` and `(sites, terms, bond, bond)`."""
    bond = cores.shape[-1]
    size = 1
    while size < _GROUP:
        sites, terms = cores.shape[0] // 2, cores.shape[1]
        left = ops.reshape(cores[0::2], (sites, terms * bond, bond))
        right = ops.reshape(ops.transpose(cores[1::2], (0, 2, 1, 3)), (sites, bond, terms * bond))
        cores = ops.reshape(product(left, right), (sites, terms, bond, terms, bond))
        cores = ops.reshape(ops.transpose(cores, (0, 1, 3, 2, 4)), (sites, terms**2, bond, bond))
        features = ops.reshape(features[0::2][..., :, None] * features[1::2][..., None, :], (sites, -1, terms**2))
        size *= 2
    matrices = product(features, ops.reshape(cores, (*cores.shape[:2], bond * bond)))
    return ops.reshape(matrices, (cores.shape[0], -1, bond, bond))


def _chain_product(matrices):
    """Product along the first axis, as a matrix and the logarithm of what it is to be multiplied by."""
    log_norm = ops.zeros_like(matrices[0, :, :1, :1])
    due = True
    while (count := matrices.shape[0]) > 1:
        even = count - count % 2
        pairs = product(matrices[0:even:2], matrices[1:even:2])
        if due:
            pairs, log_sizes = _normalized(pairs, axis=(2, 3))
            log_norm = log_norm + ops.sum(log_sizes, axis=0)
        matrices = ops.concatenate([pairs, matrices[even:]], axis=0) if even < count else pairs
        due = not due
    return matrices[0], log_norm


def _normalized(x, axis: tuple[int, ...]):
    """`x` divided by its size where that is large or small, and the logarithm of what it was divided by.

    As that is multiplied in again it has no part in the gradient. Where nothing is divided no digits are lost. The
    size of the identity is 1.
    """
    size = ops.stop_gradient(ops.sum(ops.abs(x), axis=axis, keepdims=True)) / x.shape[-1]
    extreme = ops.logical_or(size > _LARGE, ops.logical_and(size > 0, size < 1 / _LARGE))
    size = ops.where(extreme, size, ops.ones_like(size))
    return x / size, ops.log(size)


# Two groups of features of that size, or four matrices, multiply to far less than the largest number.
_LARGE = 128.0
