import json

import keras
import numpy as np
import pytest

from dl_techniques.regularizers import SRIPRegularizer, srip_schedule
from tests.oracles.compare import central_differences, penalty_and_gradient, values
from tests.oracles.regularizers import spectral_deviation


def penalty(w, **arguments):
    return penalty_and_gradient(SRIPRegularizer(**{"lambda_init": 1.0, **arguments}), np.float32(w))[0]


@pytest.mark.parametrize(("iterations", "lowest", "mean"), [(2, 0.8, 0.85), (50, 0.95, 0.99)])
def test_the_norm_is_nearly_found_and_never_overestimated(iterations, lowest, mean):
    """As nearly as from a random start: over 200 such matrices 0.81 and 0.97 at worst, 0.91 and 0.998 on average."""
    weights = [0.1 * values(64, 32, seed=seed) for seed in range(20)]
    norms = [spectral_deviation(w.astype("float64")) for w in weights]
    ratios = np.divide([penalty(w, power_iterations=iterations) for w in weights], norms)
    assert ratios.max() <= 1 + 1e-6
    assert ratios.min() >= lowest
    assert ratios.mean() >= mean


@pytest.mark.parametrize("shape", [(6, 4), (2, 3, 4), (2, 2, 3, 4), (1, 2, 2, 3, 4)])
def test_oracle(shape):
    """With enough iterations; the gradient through the last step alone is then that of the norm."""
    w = values(*shape)
    regularizer = SRIPRegularizer(lambda_init=0.5, power_iterations=60)
    value, gradient = penalty_and_gradient(regularizer, w)
    exact = w.astype("float64")
    np.testing.assert_allclose(value, 0.5 * spectral_deviation(exact), rtol=1e-5)
    expected = 0.5 * central_differences(spectral_deviation, [exact], 0, np.float64(1))
    np.testing.assert_allclose(gradient, expected, atol=1e-3 * np.abs(expected).max())


def test_the_gradient_flows_through_the_last_step_only():
    """That of the length of `M v` is `W (v u^T + u v^T)`, of rank two; through the iterations it has full rank."""
    _, gradient = penalty_and_gradient(SRIPRegularizer(), 0.1 * values(16, 8))
    singular = np.linalg.svd(gradient.astype("float64"), compute_uv=False)
    assert singular[1] > 1e-3 * singular[0]
    assert singular[2] < 1e-5 * singular[0]


def test_known_numbers():
    orthonormal = np.linalg.qr(values(6, 4))[0]
    np.testing.assert_allclose(penalty(orthonormal), 0, atol=1e-6)
    np.testing.assert_allclose(penalty(np.zeros((6, 4)), lambda_init=0.3), 0.3, rtol=1e-6)
    np.testing.assert_allclose(penalty(3 * np.eye(4)), 8, rtol=1e-6)


def test_more_outputs_than_inputs_leave_a_rest_unless_the_rows_are_taken():
    rows = np.linalg.qr(values(5, 3))[0].T
    np.testing.assert_allclose(penalty(rows), 1, rtol=1e-5)
    np.testing.assert_allclose(penalty(rows, gram="auto"), 0, atol=1e-6)


@pytest.mark.parametrize("direction", range(4))
def test_no_direction_is_overlooked(direction):
    """The start is orthogonal to none of the axes, nor to the sums and differences of neighbours."""
    stretch = np.eye(4)
    stretch[direction, direction] = 2
    np.testing.assert_allclose(penalty(stretch, power_iterations=10), 3, rtol=1e-5)


@pytest.mark.parametrize("w", [np.eye(4, 3), np.zeros((4, 3))])
def test_the_gradient_is_finite_where_the_norm_has_none(w):
    _, gradient = penalty_and_gradient(SRIPRegularizer(), np.float32(w))
    np.testing.assert_array_equal(gradient, 0)


@pytest.mark.parametrize(
    ("epoch", "strength"),
    [(0, 0.1), (19, 0.1), (20, 1e-3), (49, 1e-3), (50, 1e-4), (70, 1e-6), (119, 1e-6), (120, 0.0), (500, 0.0)],
)
def test_the_schedule_of_the_paper(epoch, strength):
    regularizer = SRIPRegularizer()
    assert regularizer.update_lambda(epoch) == (strength != 0.1)
    assert regularizer.current_lambda == strength
    assert not regularizer.update_lambda(epoch)


def test_a_schedule_of_ones_own_also_out_of_order_and_back():
    regularizer = SRIPRegularizer(lambda_init=1.0, lambda_schedule={8: 0.25, 3: 0.5})
    for epoch, strength in ((0, 1.0), (4, 0.5), (8, 0.25), (2, 1.0)):
        regularizer.update_lambda(epoch)
        assert regularizer.current_lambda == strength


def test_an_empty_schedule_is_not_the_default_one():
    regularizer = SRIPRegularizer(lambda_schedule={})
    regularizer.update_lambda(100)
    assert regularizer.current_lambda == 0.1
    assert SRIPRegularizer.from_config(regularizer.get_config()).lambda_schedule == {}


def test_the_schedule_survives_json():
    schedule = {5: 0.5, 10: 0.0}
    config = json.loads(json.dumps(SRIPRegularizer(lambda_schedule=schedule).get_config()))
    assert SRIPRegularizer.from_config(config).lambda_schedule == schedule


@pytest.mark.parametrize("jit_compile", [False, True])
def test_the_schedule_reaches_the_compiled_step(jit_compile):
    """The data fit already and nothing is learned, so the loss is the penalty and nothing else."""
    regularizer = SRIPRegularizer(lambda_init=1.0, lambda_schedule={1: 0.5, 3: 0.0})
    dense = keras.layers.Dense(3, use_bias=False, kernel_initializer="zeros", kernel_regularizer=regularizer)
    model = keras.Sequential([keras.Input((4,)), dense])
    model.compile(keras.optimizers.SGD(0.0), "mse", jit_compile=jit_compile)
    data = np.zeros((8, 4), "float32"), np.zeros((8, 3), "float32")
    history = model.fit(*data, validation_data=data, epochs=4, verbose=0, callbacks=[srip_schedule()]).history
    np.testing.assert_allclose(history["loss"], [1, 0.5, 0.5, 0], rtol=1e-6)
    np.testing.assert_allclose(history["val_loss"], [1, 0.5, 0.5, 0], rtol=1e-6)


def test_each_of_several_is_updated():
    regularizers = [SRIPRegularizer(lambda_init=1.0, lambda_schedule={1: strength}) for strength in (0.5, 0.25)]
    layers = [keras.layers.Dense(4, kernel_regularizer=regularizer) for regularizer in regularizers]
    model = keras.Sequential([keras.Input((4,)), *layers])
    model.compile("sgd", "mse")
    x = np.zeros((8, 4), "float32")
    model.fit(x, x, epochs=2, verbose=0, callbacks=[srip_schedule()])
    assert [regularizer.current_lambda for regularizer in regularizers] == [0.5, 0.25]
