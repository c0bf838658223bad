import math
from statistics import NormalDist

import keras
from keras import ops

from dl_techniques._checks import (
    check_last_axis,
    check_min_rank,
    check_non_negative_int,
    check_number,
    check_positive,
    check_positive_int,
    normalize_axes,
)
from dl_techniques._initializers import fresh
from dl_techniques._keras_layers import Dense
from dl_techniques._precision import at_least_float32
from dl_techniques._serialization import serializable


@serializable
class MDNLayer(keras.layers.Layer):
    """Mixture density network: a mixture of normal distributions for each input, instead of one value.

    The last layer of a network whose targets have several likely values, or an uncertainty that depends on the input.
    Train it with the negative log-likelihood: `model.compile(loss=mdn.loss_func)`. Keras saves no methods, so such a
    model is loaded by `keras.saving.load_model(path, compile=False)`.

    Formula: `p(y) = sum_k softmax(pi)_k prod_d N(y_d; mu_kd, sigma_kd^2)`. The means `mu` and the logits `pi` are
    linear in the input, and `sigma = elu(z) + 1 + min_sigma` of a linear `z`.

    The output holds the parameters side by side, components first: `mu` of `num_mixtures * output_dimension` numbers,
    `sigma` of as many, `pi` of `num_mixtures`. A policy of low precision rounds them; keep this layer in float32.

    Args:
        output_dimension: int, size of a target, `D`.
        num_mixtures: int, number of normal distributions, `K`.
        kernel_initializer: initializer of the three kernels.
        bias_initializer: initializer of the three biases.
        kernel_regularizer: regularizer of the kernels, or None.
        bias_regularizer: regularizer of the biases, or None.
        min_sigma: float > 0, the smallest standard deviation. A likelihood has no bound where a component may shrink
            to a single target.
        seed: int >= 0, or None. Layers of equal seeds draw equal samples, and new ones at each call of `sample`.

    Input shape:
        `(batch, ..., features)`.

    Output shape:
        `(batch, ..., 2 * num_mixtures * output_dimension + num_mixtures)`.

    Example:

    >>> layer = MDNLayer(output_dimension=2, num_mixtures=3)
    >>> parameters = layer(keras.random.normal((4, 5)))
    >>> [tuple(part.shape) for part in layer.split_mixture_params(parameters)]
    [(4, 3, 2), (4, 3, 2), (4, 3)]
    >>> tuple(layer.loss_func(keras.ops.zeros((4, 2)), parameters).shape), tuple(layer.sample(parameters).shape)
    ((4,), (4, 2))

    References:
        - Bishop, "Mixture Density Networks", Technical Report NCRG/94/004, Aston University, 1994
        - Ha and Schmidhuber, "World Models", arXiv:1803.10122
    """

    def __init__(
        self,
        output_dimension: int,
        num_mixtures: int,
        *,
        kernel_initializer: str | keras.initializers.Initializer = "glorot_uniform",
        bias_initializer: str | keras.initializers.Initializer = "zeros",
        kernel_regularizer: str | keras.regularizers.Regularizer | None = None,
        bias_regularizer: str | keras.regularizers.Regularizer | None = None,
        min_sigma: float = 1e-6,
        seed: int | None = None,
        **kwargs,
    ):
        super().__init__(**kwargs)
        check_positive_int(output_dimension=output_dimension, num_mixtures=num_mixtures)
        check_positive(min_sigma=min_sigma)
        if seed is not None:
            check_non_negative_int(seed=seed)
        self.output_dimension = output_dimension
        self.num_mixtures = num_mixtures
        self.kernel_initializer = keras.initializers.get(kernel_initializer)
        self.bias_initializer = keras.initializers.get(bias_initializer)
        self.kernel_regularizer = keras.regularizers.get(kernel_regularizer)
        self.bias_regularizer = keras.regularizers.get(bias_regularizer)
        self.min_sigma = min_sigma
        self.seed = seed
        self.seed_generator = keras.random.SeedGenerator(seed)
        self.supports_masking = True

        self.mdn_mus = self._dense(num_mixtures * output_dimension, "mdn_mus", 0)
        self.mdn_sigmas = self._dense(num_mixtures * output_dimension, "mdn_sigmas", 1)
        self.mdn_pi = self._dense(num_mixtures, "mdn_pi", 2)

    def build(self, input_shape):
        check_min_rank(input_shape, 2)
        normalize_axes(-1, input_shape)
        for part in (self.mdn_mus, self.mdn_sigmas, self.mdn_pi):
            part.build(input_shape)
        super().build(input_shape)

    def call(self, inputs, training=None):
        sigmas = elu_plus_one_plus_epsilon(self.mdn_sigmas(inputs), self.min_sigma)
        return ops.concatenate([self.mdn_mus(inputs), sigmas, self.mdn_pi(inputs)], axis=-1)

    def compute_output_shape(self, input_shape):
        return (*input_shape[:-1], (2 * self.output_dimension + 1) * self.num_mixtures)

    def split_mixture_params(self, y):
        """Takes the output apart.

        Args:
            y: the output of the layer, or of a model that ends with it.

        Returns:
            Means and standard deviations, both `(batch, ..., num_mixtures, output_dimension)`, and the logits of the
            weights of the components, `(batch, ..., num_mixtures)`.
        """
        size = self.num_mixtures * self.output_dimension
        check_last_axis(y.shape, size_of_all_parameters=2 * size + self.num_mixtures)
        shape = (*ops.shape(y)[:-1], self.num_mixtures, self.output_dimension)
        return ops.reshape(y[..., :size], shape), ops.reshape(y[..., size : 2 * size], shape), y[..., 2 * size :]

    def loss_func(self, y_true, y_pred):
        """The negative logarithm of the likelihood, in float32 at least.

        Args:
            y_true: targets, `(batch, ..., output_dimension)`; `(batch, ...)` will do where that is 1.
            y_pred: the output of the layer.

        Returns:
            One number for each target, `(batch, ...)`, of which `fit` takes the weighted mean.
        """
        y_pred = at_least_float32(y_pred)
        mus, sigmas, logits = self.split_mixture_params(y_pred)
        y_true = ops.cast(y_true, y_pred.dtype)
        if self.output_dimension == 1 and len(y_true.shape) < len(y_pred.shape):
            y_true = y_true[..., None]
        check_last_axis(y_true.shape, output_dimension=self.output_dimension)
        squares = ops.square((y_true[..., None, :] - mus) / sigmas)
        log_densities = -ops.sum(squares / 2 + ops.log(sigmas) + math.log(2 * math.pi) / 2, axis=-1)
        return -ops.logsumexp(ops.log_softmax(logits, axis=-1) + log_densities, axis=-1)

    def sample(self, y_pred, temperature: float = 1.0):
        """Draws a target for each input.

        Args:
            y_pred: the output of the layer.
            temperature: float > 0. The logits of the weights are divided by it, and the standard deviations are
                multiplied by its square root: 1 draws from the mixture, near 0 the mean of the likeliest component.

        Returns:
            Tensor `(batch, ..., output_dimension)`.
        """
        check_positive(temperature=temperature)
        mus, sigmas, logits = self.split_mixture_params(at_least_float32(y_pred))
        rows = ops.reshape(logits, (-1, self.num_mixtures)) / temperature
        component = keras.random.categorical(rows, 1, seed=self.seed_generator)
        component = ops.reshape(component, (*ops.shape(logits)[:-1], 1, 1))
        mu, sigma = (ops.take_along_axis(part, component, axis=-2)[..., 0, :] for part in (mus, sigmas))
        noise = keras.random.normal(ops.shape(mu), dtype=mu.dtype, seed=self.seed_generator)
        return ops.cast(mu + math.sqrt(temperature) * sigma * noise, y_pred.dtype)

    def _dense(self, units: int, name: str, index: int) -> Dense:
        return Dense(
            units,
            kernel_initializer=fresh(self.kernel_initializer, index),
            bias_initializer=fresh(self.bias_initializer, index),
            kernel_regularizer=self.kernel_regularizer,
            bias_regularizer=self.bias_regularizer,
            name=name,
            dtype=self.dtype_policy,
        )


def elu_plus_one_plus_epsilon(x, epsilon: float = 1e-6):
    """Positive numbers of any numbers: `x + 1 + epsilon` above 0, `exp(x) + epsilon` below.

    Smooth to the first derivative, and linear for large numbers, unlike the exponential function.

    Args:
        x: float tensor.
        epsilon: float, the smallest result.

    Returns:
        Tensor like `x`.

    Example:

    >>> y = elu_plus_one_plus_epsilon(keras.ops.array([-100.0, 0.0, 2.0]), epsilon=0.5)
    >>> print(keras.ops.convert_to_numpy(y))
    [0.5 1.5 3.5]

    References:
        Clevert et al., "Fast and Accurate Deep Network Learning by Exponential Linear Units", arXiv:1511.07289
    """
    wide = at_least_float32(x)
    positive = wide > 0
    # Adding 1 to `elu(x)` would round small powers away.
    power = ops.exp(ops.where(positive, ops.zeros_like(wide), wide))
    return ops.cast(ops.where(positive, wide + 1, power) + epsilon, x.dtype)


def get_point_estimate(model: keras.Model, x, layer: MDNLayer):
    """The mean of the mixture for each input.

    Args:
        model: model that ends with `layer`.
        x: its inputs, as `model.predict` takes them.
        layer: the layer that made the parameters.

    Returns:
        Tensor `(batch, ..., output_dimension)`, `sum_k softmax(pi)_k mu_k`.

    Example:

    >>> layer = MDNLayer(output_dimension=2, num_mixtures=3)
    >>> model = keras.Sequential([keras.Input((5,)), layer])
    >>> tuple(get_point_estimate(model, keras.ops.ones((4, 5)), layer).shape)
    (4, 2)
    """
    weights, mus, _ = _mixtures(model, x, layer)
    return ops.sum(weights * mus, axis=-2)


def get_uncertainty(model: keras.Model, x, layer: MDNLayer, point):
    """The variance of the mixture for each input, and how much of it is that of its components.

    The rest, `sum_k softmax(pi)_k (mu_k - point)^2`, is how far the components are from one another.

    Args:
        model: model that ends with `layer`.
        x: its inputs, as `model.predict` takes them.
        layer: the layer that made the parameters.
        point: what `get_point_estimate` returns for them.

    Returns:
        Two tensors `(batch, ..., output_dimension)`: the total variance, and the aleatoric part of it,
        `sum_k softmax(pi)_k sigma_k^2`.

    Example:

    >>> layer = MDNLayer(output_dimension=2, num_mixtures=1, kernel_initializer="zeros")
    >>> model = keras.Sequential([keras.Input((5,)), layer])
    >>> x = keras.ops.ones((1, 5))
    >>> total, aleatoric = get_uncertainty(model, x, layer, get_point_estimate(model, x, layer))
    >>> print(keras.ops.convert_to_numpy(total).round(4), keras.ops.convert_to_numpy(aleatoric).round(4))
    [[1. 1.]] [[1. 1.]]
    """
    weights, mus, sigmas = _mixtures(model, x, layer)
    distances = mus - ops.cast(point, mus.dtype)[..., None, :]
    aleatoric = ops.sum(weights * ops.square(sigmas), axis=-2)
    return aleatoric + ops.sum(weights * ops.square(distances), axis=-2), aleatoric


def get_prediction_intervals(point, var, confidence_level: float = 0.95):
    """Intervals that hold the target with some probability, if it is distributed normally.

    Args:
        point: tensor of means.
        var: tensor of variances, of the same shape.
        confidence_level: float between 0 and 1, the probability.

    Returns:
        Two tensors, the lower and the upper ends: `point -+ z sqrt(var)`.

    Example:

    >>> lower, upper = get_prediction_intervals(keras.ops.array([3.0]), keras.ops.array([4.0]))
    >>> print(keras.ops.convert_to_numpy(lower).round(4), keras.ops.convert_to_numpy(upper).round(4))
    [-0.9199] [6.9199]
    """
    check_number(confidence_level=confidence_level)
    if not 0 < confidence_level < 1:
        raise ValueError(f"`confidence_level` must lie between 0 and 1. Received: confidence_level={confidence_level}")
    point, var = ops.convert_to_tensor(point), ops.convert_to_tensor(var)
    margin = NormalDist().inv_cdf((1 + confidence_level) / 2) * ops.sqrt(var)
    return point - margin, point + margin


def _mixtures(model, x, layer):
    """Weights of the components with a last axis of 1, means and standard deviations."""
    parameters = at_least_float32(ops.convert_to_tensor(model.predict(x, verbose=0)))
    mus, sigmas, logits = layer.split_mixture_params(parameters)
    # Keras' softmax warns where there is one component.
    return ops.exp(ops.log_softmax(logits, axis=-1))[..., None], mus, sigmas
