import keras
import numpy as np
import pytest
from keras.ops import convert_to_numpy as numpy
from scipy.special import log_softmax, logsumexp, softmax
from scipy.stats import norm

from dl_techniques.layers import (
    MDNLayer,
    elu_plus_one_plus_epsilon,
    get_point_estimate,
    get_prediction_intervals,
    get_uncertainty,
)
from tests._frameworks import double_precision, value_and_gradients
from tests.oracles.compare import (
    BFLOAT16_UNIT,
    GRADIENT_UNITS,
    assert_accurate,
    central_differences,
    output,
    randomized,
    rounded,
    values,
    weights_of,
)

K, D = 3, 2


def parameters(batch=4, k=K, d=D):
    """Outputs as the layer makes them, in any order of sizes."""
    mus, logits = values(batch, k * d), values(batch, k, seed=1)
    sigmas = np.random.default_rng(2).uniform(0.3, 2, size=(batch, k * d)).astype("float32")
    return np.concatenate([mus, sigmas, logits], axis=1)


def parts(y, k=K, d=D):
    mus, sigmas, logits = np.split(y.astype("float64"), [k * d, 2 * k * d], axis=-1)
    return mus.reshape(*y.shape[:-1], k, d), sigmas.reshape(*y.shape[:-1], k, d), logits


def negative_log_likelihood(y_true, y_pred, k=K, d=D):
    mus, sigmas, logits = parts(y_pred, k, d)
    densities = norm.logpdf(y_true[..., None, :], mus, sigmas).sum(axis=-1)
    return -logsumexp(log_softmax(logits, axis=-1) + densities, axis=-1)


def test_means_deviations_and_logits_side_by_side():
    layer, x = randomized(MDNLayer(D, K, min_sigma=0.25), (None, 5)), values(2, 3, 5)
    mu_kernel, mu_bias, sigma_kernel, sigma_bias, pi_kernel, pi_bias = weights_of(layer)
    z = x @ sigma_kernel + sigma_bias
    sigmas = np.where(z > 0, z + 1, np.exp(z)) + 0.25
    expected = np.concatenate([x @ mu_kernel + mu_bias, sigmas, x @ pi_kernel + pi_bias], axis=-1)
    assert_accurate(output(layer, x), expected)
    for found, part in zip(layer.split_mixture_params(layer(x)), parts(expected), strict=True):
        assert_accurate(numpy(found), part)


def test_weights():
    layer = MDNLayer(D, K)
    layer.build((None, 5))
    assert [(w.path.split("/")[-2], tuple(w.shape)) for w in layer.weights if w.name == "kernel"] == [
        ("mdn_mus", (5, K * D)),
        ("mdn_sigmas", (5, K * D)),
        ("mdn_pi", (5, K)),
    ]


def test_likelihood():
    y_true, y_pred = values(4, D, seed=3), parameters()
    found = numpy(MDNLayer(D, K).loss_func(y_true, y_pred))
    assert_accurate(found, negative_log_likelihood(y_true, y_pred))
    assert numpy(MDNLayer(D, K).loss_func(y_true[:, None], y_pred[:, None])).shape == (4, 1)


def test_gradient_of_the_likelihood():
    y_true, y_pred, cotangent = values(4, D, seed=3), parameters(), values(4, seed=4)
    mdn = MDNLayer(D, K)
    targets = keras.ops.convert_to_tensor(y_true)
    layer = keras.layers.Lambda(lambda y: mdn.loss_func(targets, y))
    _, (gradient,) = value_and_gradients(layer, [y_pred], [cotangent], training=True, jit=True)
    exact = central_differences(lambda y: negative_log_likelihood(y_true, y), [y_pred.astype("float64")], 0, cotangent)
    assert_accurate(numpy(gradient), exact, GRADIENT_UNITS)


def test_one_component_is_a_normal_distribution():
    y_true, y_pred = values(4, D, seed=3), parameters(k=1)
    expected = -norm.logpdf(y_true, y_pred[:, :D], y_pred[:, D : 2 * D]).sum(axis=1)
    assert_accurate(numpy(MDNLayer(D, 1).loss_func(y_true, y_pred)), expected)


def test_unlikely_targets_have_a_likelihood_and_a_gradient():
    """Forty dimensions at three deviations, a density of 1e-94; and one at a thousand."""
    y_pred = np.concatenate([np.zeros(40), np.ones(40), np.zeros(1)]).astype("float32")[None]
    for y_true, expected in ((np.full((1, 40), 3.0), 216.757), (np.full((1, 40), 1000.0), 2.00000368e7)):
        layer = keras.layers.Lambda(lambda y, y_true=y_true: MDNLayer(40, 1).loss_func(y_true, y))
        (loss,), (gradient,) = value_and_gradients(layer, [y_pred], [np.ones(1, "float32")], training=True, jit=False)
        assert float(numpy(loss)[0]) == pytest.approx(expected, rel=1e-5)
        np.testing.assert_allclose(numpy(gradient)[0, :40], -y_true[0], rtol=1e-5)


def test_the_likelihood_is_computed_in_the_precision_given():
    y_true, y_pred = values(4, D, seed=3), parameters()
    low = numpy(MDNLayer(D, K).loss_func(y_true, keras.ops.cast(y_pred, "bfloat16")))
    assert_accurate(low, negative_log_likelihood(y_true, rounded(y_pred, "bfloat16")))
    with double_precision():
        wide = keras.ops.convert_to_tensor(y_pred, dtype="float64")
        found = numpy(MDNLayer(D, K, dtype="float64").loss_func(y_true, wide))
    np.testing.assert_allclose(found, negative_log_likelihood(y_true, y_pred), rtol=1e-12)


@pytest.mark.parametrize("targets", [(8,), (8, 1)])
def test_fit_takes_the_weighted_mean(targets):
    layer = randomized(MDNLayer(1, K), (None, 5))
    model = keras.Sequential([keras.Input((5,)), layer])
    model.compile(optimizer="sgd", loss=layer.loss_func)
    x, y, weight = values(8, 5), values(*targets, seed=3), np.arange(8).astype("float32")
    losses = negative_log_likelihood(y.reshape(8, 1), output(model, x), d=1)
    assert model.evaluate(x, y, sample_weight=weight, verbose=0) == pytest.approx(np.mean(weight * losses), rel=1e-5)
    before = layer.get_weights()
    model.fit(x, y, verbose=0)
    assert all(np.any(one != other) for one, other in zip(before, layer.get_weights(), strict=True))
    assert model.evaluate(x, y, verbose=0) < np.mean(losses)


def drawn(layer, y_pred, count=100_000, **how):
    return numpy(layer.sample(np.repeat(y_pred, count, axis=0), **how)).astype("float64")


def test_samples_have_mean_and_variance_of_the_mixture():
    y_pred = parameters(batch=1)
    samples = drawn(MDNLayer(D, K, seed=1), y_pred)
    mus, sigmas, logits = (part[0] for part in parts(y_pred))
    weights = softmax(logits)
    mean, second = weights @ mus, weights @ (mus**2 + sigmas**2)
    assert samples.shape == (100_000, D)
    deviation = np.sqrt(second - mean**2)
    np.testing.assert_array_less(np.abs(samples.mean(axis=0) - mean), 5 * deviation / np.sqrt(100_000))
    np.testing.assert_allclose(samples.std(axis=0), deviation, rtol=0.02)


def test_a_sample_comes_from_one_component_for_all_dimensions():
    y_pred = np.float32([[-100, 100, 100, -100, 1, 1, 1, 1, 0, 0]])
    samples = drawn(MDNLayer(2, 2, seed=1), y_pred, count=1000)
    np.testing.assert_array_equal(np.sign(samples[:, 0]), -np.sign(samples[:, 1]))


@pytest.mark.parametrize("temperature", [0.25, 4.0])
def test_temperature_flattens_the_weights_and_widens_the_components(temperature):
    """Ha and Schmidhuber: logits over the temperature, deviations times its square root."""
    logits = np.float32([0.5, -0.5])
    y_pred = np.concatenate([np.float32([-100, 100, 2, 2]), logits])[None]
    samples = drawn(MDNLayer(1, 2, seed=1), y_pred, temperature=temperature)[:, 0]
    assert np.mean(samples < 0) == pytest.approx(softmax(logits / temperature)[0], abs=0.01)
    assert np.std(samples[samples < 0]) == pytest.approx(2 * np.sqrt(temperature), rel=0.02)


def test_without_temperature_the_mean_of_the_likeliest_component_is_left():
    y_pred = parameters(batch=50)
    samples = numpy(MDNLayer(D, K).sample(y_pred, temperature=1e-8))
    mus, _, logits = parts(y_pred)
    np.testing.assert_allclose(samples, mus[np.arange(50), logits.argmax(axis=1)], atol=1e-3)


def test_equal_seeds_draw_equal_samples_and_each_call_draws_anew():
    one, other, y_pred = MDNLayer(D, K, seed=3), MDNLayer(D, K, seed=3), parameters()
    first = numpy(one.sample(y_pred))
    np.testing.assert_array_equal(numpy(other.sample(y_pred)), first)
    assert np.all(numpy(one.sample(y_pred)) != first)
    assert numpy(one.sample(np.zeros((2, 5, 15), "float32"))).shape == (2, 5, D)
    assert numpy(one.sample(np.zeros((0, 15), "float32"))).shape == (0, D)


def test_law_of_total_variance():
    layer, x = randomized(MDNLayer(D, K), (None, 5)), values(6, 5)
    model = keras.Sequential([keras.Input((5,)), layer])
    mus, sigmas, logits = parts(output(model, x))
    weights = softmax(logits, axis=-1)[..., None]
    point = get_point_estimate(model, x, layer)
    total, aleatoric = get_uncertainty(model, x, layer, point)
    mean = np.sum(weights * mus, axis=1)
    assert_accurate(numpy(point), mean)
    assert_accurate(numpy(aleatoric), np.sum(weights * sigmas**2, axis=1))
    assert_accurate(numpy(total), np.sum(weights * (mus**2 + sigmas**2), axis=1) - mean**2)


@pytest.mark.parametrize("level", [0.01, 0.5, 0.95, 0.9999])
def test_prediction_intervals(level):
    point, variance = values(4, D), np.square(values(4, D, seed=1))
    lower, upper = get_prediction_intervals(point, variance, confidence_level=level)
    expected = norm.interval(level, point.astype("float64"), np.sqrt(variance.astype("float64")))
    assert_accurate(numpy(lower), expected[0])
    assert_accurate(numpy(upper), expected[1])
    default = get_prediction_intervals(point, variance)
    assert_accurate(numpy(default[1] - default[0]), 2 * 1.959964 * np.sqrt(variance.astype("float64")))


def test_positive_numbers():
    """Also where one more than elu(x) is nothing but rounding."""
    x = np.float32([-200, -50, -20, -1, 0, 1e-3, 3, 1e30])
    wide = x.astype("float64")
    expected = np.where(wide > 0, wide + 1, np.exp(np.minimum(wide, 0)))
    layer = keras.layers.Lambda(lambda x: elu_plus_one_plus_epsilon(x, 0.0))
    (y,), (gradient,) = value_and_gradients(layer, [x], [np.ones(8, "float32")], training=True, jit=False)
    np.testing.assert_allclose(numpy(y), expected, rtol=1e-5, atol=1e-37)
    np.testing.assert_allclose(numpy(gradient), np.where(wide > 0, 1, expected), rtol=1e-5, atol=1e-37)
    np.testing.assert_allclose(numpy(elu_plus_one_plus_epsilon(x)), expected + 1e-6, rtol=1e-5)
    low = numpy(keras.ops.cast(elu_plus_one_plus_epsilon(keras.ops.cast(x, "bfloat16"), 0.5), "float32"))
    assert_accurate(low[:-1], expected[:-1] + 0.5, units=0.51, unit=BFLOAT16_UNIT)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda layer: layer.sample(parameters(), temperature=0.0), "temperature=0.0"),
        (lambda layer: layer.sample(parameters(), temperature=-1), "temperature=-1"),
        (lambda layer: layer.split_mixture_params(np.zeros((4, 14))), r"input_shape=\(4, 14\)"),
        (lambda layer: layer.loss_func(values(4, 3), parameters()), r"input_shape=\(4, 3\)"),
        (lambda layer: get_prediction_intervals(0.0, 1.0, confidence_level=0.0), "confidence_level=0.0"),
        (lambda layer: get_prediction_intervals(0.0, 1.0, confidence_level=1), "confidence_level=1"),
        (lambda layer: get_prediction_intervals(0.0, 1.0, confidence_level="95%"), "confidence_level='95%'"),
    ],
)
def test_what_is_refused(call, message):
    with pytest.raises(ValueError, match=f"Received: .*{message}"):
        call(MDNLayer(D, K))
