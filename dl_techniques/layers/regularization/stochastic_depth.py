import keras
from keras import ops

from dl_techniques._checks import check_min_rank, check_rate
from dl_techniques._serialization import serializable


@serializable
class StochasticDepth(keras.layers.Layer):
    """Drops a residual branch at random, sample by sample (also called drop path).

    In training each sample of the branch is either zeroed or enlarged so that its mean stays; the network is then
    trained as an ensemble of shallower ones. In inference the branch passes unchanged.

    Formula, in training: `y = x * m / (1 - p)` with one `m ~ Bernoulli(1 - p)` for each sample, `p` the drop rate.
    The paper scales at inference instead; both give the same mean. It lets `p` grow with depth, from 0 at the first
    of `L` blocks to `p_max` at the last: `p_l = p_max * l / (L - 1)`.

    Args:
        drop_path_rate: float in [0, 1), the probability of dropping a sample.
        seed: int or None. An unseeded layer compiles as one graph under torch in training, a seeded one cannot.

    Input shape:
        `(batch, ...)` with at least one more axis.

    Output shape:
        Same as the input.

    Example:

    >>> y = StochasticDepth(0.5, seed=1)(keras.ops.ones((64, 3)), training=True)
    >>> sorted(set(keras.ops.convert_to_numpy(y).flatten().tolist()))
    [0.0, 2.0]

    References:
        Huang et al., "Deep Networks with Stochastic Depth", arXiv:1603.09382
    """

    def __init__(self, drop_path_rate: float = 0.5, seed: int | None = None, **kwargs):
        super().__init__(**kwargs)
        check_rate(drop_path_rate=drop_path_rate)
        self.drop_path_rate = drop_path_rate
        self.seed = seed
        self.seed_generator = keras.random.SeedGenerator(seed)
        self.supports_masking = True

    def build(self, input_shape):
        check_min_rank(input_shape, 2)
        super().build(input_shape)

    def call(self, inputs, training=None):
        if not training or self.drop_path_rate == 0:
            return inputs
        one_per_sample = ops.ones((ops.shape(inputs)[0],) + (1,) * (len(inputs.shape) - 1), dtype=inputs.dtype)
        return inputs * keras.random.dropout(one_per_sample, self.drop_path_rate, seed=self.seed_generator)

    def compute_output_shape(self, input_shape):
        return input_shape
