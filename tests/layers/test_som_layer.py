import keras
import numpy as np
import pytest
from keras import ops

from dl_techniques.layers import SOMLayer
from tests._frameworks import value_and_gradients
from tests.layers._self_organizing_map import Error, numbers, trained, weights_of
from tests.oracles import self_organizing_map as oracle
from tests.oracles.compare import assert_accurate, values

GRID, DIM = (2, 3, 2), 4
BATCHES = [values(30, DIM, seed=seed) for seed in (7, 1, 9)]


@keras.saving.register_keras_serializable(package="test_som_layer")
def halving(iterations):
    return 0.5**iterations


def built(*, seed=0, **arguments):
    """With weights in the midst of normal data, on a grid with an axis of one."""
    som = SOMLayer(**{"grid_shape": GRID, "input_dim": DIM, **arguments})
    som.build((None, DIM))
    som.som_weights.assign(values(*som.som_weights.shape, seed=seed))
    return som


@pytest.mark.parametrize("grid", [(5,), (4, 1, 3)])
def test_position_and_distance_of_the_nearest_neuron(grid):
    som = built(grid_shape=grid)
    x = values(30, DIM, seed=1)
    position, distance = oracle.best(x.astype("float64"), weights_of(som))
    found, error = som(ops.convert_to_tensor(x))
    assert keras.backend.standardize_dtype(found.dtype) == "int32"
    np.testing.assert_array_equal(numbers(found), position)
    assert_accurate(numbers(error), distance)


@pytest.mark.parametrize("bubble", [False, True])
@pytest.mark.parametrize("batch", [False, True])
def test_training(bubble, batch):
    som = built(
        initial_learning_rate=0.7,
        sigma=1.2,
        neighborhood_function="bubble" if bubble else "gaussian",
        rule="batch" if batch else "sequential",
        max_iterations=5,
    )
    start = weights_of(som).copy()
    expected = oracle.train(BATCHES, start, rate=0.7, sigma=1.2, bubble=bubble, batch=batch, last=5)
    assert_accurate(weights_of(trained(som, BATCHES)), expected, units=16)
    assert numbers(som.iterations.value) == 3
    np.testing.assert_array_equal(numbers(som.get_weights_map()), weights_of(som))


def test_positions_and_distances_are_those_before_the_call():
    som = built(initial_learning_rate=1.0)
    x = BATCHES[0]
    before = [numbers(y) for y in som(ops.convert_to_tensor(x))]
    for found, expected in zip(som(ops.convert_to_tensor(x), training=True), before, strict=True):
        np.testing.assert_array_equal(numbers(found), expected)
    assert np.any(numbers(som(ops.convert_to_tensor(x))[1]) != before[1])


def test_inference_and_frozen_layers_move_nothing():
    som, frozen = built(), built(trainable=False)
    start = weights_of(som).copy()
    som(ops.convert_to_tensor(BATCHES[0]))
    trained(frozen, BATCHES)
    for layer in (som, frozen):
        np.testing.assert_array_equal(weights_of(layer), start)
        assert numbers(layer.iterations.value) == 0


@pytest.mark.parametrize(
    "arguments", [{}, {"rule": "batch"}, {"decay_function": lambda t: 0.5}], ids=["usual", "batch", "decay"]
)
def test_nothing_moves_beyond_the_last_iteration(arguments):
    som = trained(built(max_iterations=2, **arguments), BATCHES[:2])
    before = weights_of(som).copy()
    assert np.any(before != weights_of(built()))
    trained(som, BATCHES)
    np.testing.assert_array_equal(weights_of(som), before)


def test_a_rate_of_one_puts_the_neuron_on_the_sample():
    som = built(initial_learning_rate=1.0, sigma=0.9, neighborhood_function="bubble")
    start = weights_of(som).copy()
    x = values(1, DIM, seed=5)
    position, error = som(ops.convert_to_tensor(x), training=True)
    assert numbers(error) > 0
    place = tuple(numbers(position)[0])
    np.testing.assert_array_equal(weights_of(som)[place], x[0])
    rest = np.ones(GRID, bool)
    rest[place] = False
    np.testing.assert_array_equal(weights_of(som)[rest], start[rest])
    assert not numbers(som(ops.convert_to_tensor(x))[1]).any()


@pytest.mark.parametrize("rule", ["sequential", "batch"])
def test_the_error_falls_from_epoch_to_epoch(rule):
    som = built(rule=rule, sigma=1.5, initial_learning_rate=0.2, max_iterations=8)
    som.som_weights.assign(0.01 * weights_of(som))
    x = values(30, DIM, seed=6)
    errors = [numbers(som(ops.convert_to_tensor(x), training=True)[1]).mean() for _ in range(8)]
    assert errors[-1] < errors[2] < errors[0]


def test_schedules_and_functions_of_the_rate():
    schedule = keras.optimizers.schedules.ExponentialDecay(1.0, decay_steps=1, decay_rate=0.5)
    for decay in (schedule, halving):
        som = built(decay_function=decay, initial_learning_rate=0.01)
        start = weights_of(som).copy()
        expected = oracle.train(BATCHES, start, decay=halving)
        assert_accurate(weights_of(trained(som, BATCHES)), expected, units=16)


def test_rates_of_a_function_are_cut():
    x, start = BATCHES[0], weights_of(built()).copy()
    np.testing.assert_array_equal(weights_of(trained(built(decay_function=lambda t: -1.0), [x])), start)
    expected = oracle.train([x], start, decay=lambda t: 1.0)
    assert_accurate(weights_of(trained(built(decay_function=lambda t: 3.0), [x])), expected, units=16)


def test_a_saved_map_goes_on(tmp_path):
    inputs = keras.Input((DIM,))
    som = SOMLayer(GRID, DIM, decay_function=halving, max_iterations=9)
    model = keras.Model(inputs, som(inputs))
    assert [y.dtype for y in model.outputs] == ["int32", "float32"]
    trained(model, BATCHES)
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    for one in (model, loaded):
        trained(one, BATCHES)
    np.testing.assert_array_equal(weights_of(loaded.layers[-1]), weights_of(som))
    assert numbers(loaded.layers[-1].iterations.value) == 6


def test_fit_moves_the_map_once_a_step():
    som = SOMLayer((5,), DIM, max_iterations=50)
    model = keras.Sequential([keras.Input((DIM,)), Error(som), keras.layers.Reshape((1,)), keras.layers.Dense(1)])
    model.compile(keras.optimizers.SGD(), loss="mean_absolute_error")
    x = values(90, DIM)
    before = weights_of(som).copy()
    model.fit(x, np.zeros((90, 1), "float32"), batch_size=30, epochs=2, shuffle=False, verbose=0)
    expected = oracle.train(np.split(x, 3) * 2, before, last=50)
    assert_accurate(weights_of(som), expected, units=16)


def test_gradient_of_the_distance():
    som = built()
    layer = Error(som)
    x = np.concatenate([values(29, DIM, seed=1), weights_of(som)[1, 2, :1]])
    cotangent = values(30, seed=2)
    _, gradients = value_and_gradients(layer, [x], [cotangent], training=True, jit=False)
    weights = values(*GRID, DIM).astype("float64")
    position, distance = oracle.best(x[:29], weights)
    expected = cotangent[:29, None] * (x[:29] - weights[tuple(position.T)]) / distance[:, None]
    assert_accurate(numbers(gradients[0])[:29], expected)
    np.testing.assert_array_equal(numbers(gradients[0])[29], 0)


@pytest.mark.parametrize("rule", ["sequential", "batch"])
def test_no_samples_and_equal_samples(rule):
    som = built(rule=rule)
    start = weights_of(som).copy()
    position, error = som(ops.zeros((0, DIM)), training=True)
    assert (position.shape, error.shape) == ((0, 3), (0,))
    np.testing.assert_array_equal(weights_of(som), start)
    x = np.full((30, DIM), 0.5, "float32")
    expected = oracle.train([x[:0], x], start, batch=rule == "batch")
    assert_accurate(weights_of(trained(som, [x])), expected, units=16)


def test_samples_that_are_not_finite():
    """They have a neuron all the same, one of those that they may be nearest to."""
    som = built()
    x = values(30, DIM)
    x[0], x[1, 1], x[2, :2] = np.nan, np.nan, np.inf
    position, error = (numbers(y) for y in som(ops.convert_to_tensor(x)))
    np.testing.assert_array_equal(position[:2], 0)
    assert np.isnan(error[:2]).all()
    assert np.isinf(error[2])
    weights = weights_of(som).reshape(-1, DIM)
    far = np.all(weights[:, :2] > weights[:, :2].mean(axis=0), axis=1)
    np.testing.assert_array_equal(position[2], np.unravel_index(far.argmax(), GRID))
    np.testing.assert_array_equal(position[3:], oracle.best(x[3:], weights_of(som))[0])


def test_data_far_from_zero():
    som = built()
    weights, x = weights_of(som) + 1000, values(30, DIM, seed=1) + 1000
    som.som_weights.assign(weights)
    position, distance = oracle.best(x.astype("float64"), weights.astype("float64"))
    found, error = som(ops.convert_to_tensor(x))
    np.testing.assert_array_equal(numbers(found), position)
    assert_accurate(numbers(error), distance)


def test_a_map_starts_with_samples():
    x = values(30, DIM, seed=3)
    som = trained(built(), BATCHES)
    som.adapt(x, seed=1)
    drawn = weights_of(som).reshape(-1, DIM)
    assert len(np.unique(drawn, axis=0)) == 12
    assert {row.tobytes() for row in drawn} <= {row.tobytes() for row in x}
    assert numbers(som.iterations.value) == 0

    again, other, few = (SOMLayer(GRID, DIM) for _ in range(3))
    again.adapt(ops.convert_to_tensor(x), seed=1)
    other.adapt(x, seed=2)
    np.testing.assert_array_equal(weights_of(again), weights_of(som))
    assert np.any(weights_of(other) != weights_of(som))
    few.adapt(x[:5])
    assert sorted(np.unique(weights_of(few).reshape(-1, DIM), axis=0, return_counts=True)[1]) == [2, 2, 2, 3, 3]


@pytest.mark.parametrize("shape", [(0, DIM), (7, DIM + 1), (DIM,)])
def test_bad_samples_to_start_with(shape):
    with pytest.raises(ValueError, match=r"`data` must be samples .* Received: shape of data=\("):
        SOMLayer(GRID, DIM).adapt(np.zeros(shape))


def test_samples_are_no_initializer():
    with pytest.raises(ValueError, match=r"`adapt\(data\)`. Received: weights_initializer='sample'"):
        SOMLayer(GRID, DIM, weights_initializer="sample")


def test_initial_weights():
    som = SOMLayer((20, 20), DIM)
    som.build((None, DIM))
    weights = weights_of(som)
    assert weights.min() >= 0
    assert 0.99 < weights.max() < 1
    assert weights.mean() == pytest.approx(0.5, abs=0.05)
    assert som.trainable_weights == []


def test_narrow_dtypes_do_not_round_the_map():
    som = SOMLayer(GRID, DIM, dtype="bfloat16")
    som.build((None, DIM))
    som.som_weights.assign(values(*GRID, DIM))
    som.iterations.assign(300)
    x = ops.cast(BATCHES[0], "bfloat16")
    error = som(x, training=True)[1]
    assert keras.backend.standardize_dtype(error.dtype) == "bfloat16"
    assert numbers(som.iterations.value) == 301
    exact = numbers(ops.cast(x, "float32")).astype("float64")
    expected = oracle.train([exact], values(*GRID, DIM), rate=0.07, sigma=0.7)
    assert_accurate(weights_of(som), expected, units=16)
