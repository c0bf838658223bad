import numpy as np
import pytest
from keras import ops

from dl_techniques.layers import SOM2dLayer, SOMLayer
from tests.layers._self_organizing_map import numbers, trained, weights_of
from tests.oracles import self_organizing_map as oracle
from tests.oracles.compare import assert_accurate, values

SIZE, DIM = (3, 4), 5
BATCHES = [values(30, DIM, seed=seed) for seed in (6, 8)]
ARGUMENTS = {
    "initial_learning_rate": 0.4,
    "decay_function": lambda t: 0.9 / (1 + t),
    "sigma": 1.7,
    "neighborhood_function": "bubble",
    "weights_initializer": "ones",
    "rule": "batch",
    "max_iterations": 4,
}


def built(cls, *arguments, **options):
    som = cls(*arguments, **options)
    som.build((None, DIM))
    som.som_weights.assign(values(*SIZE, DIM))
    return som


@pytest.mark.parametrize("name", [None, *ARGUMENTS])
def test_a_map_of_two_axes(name):
    options = {} if name is None else {name: ARGUMENTS[name]}
    som, general = built(SOM2dLayer, SIZE, DIM, **options), built(SOMLayer, SIZE, DIM, **options)
    for x in BATCHES:
        for found, expected in zip(
            som(ops.convert_to_tensor(x), training=True), general(ops.convert_to_tensor(x), training=True), strict=True
        ):
            np.testing.assert_array_equal(numbers(found), numbers(expected))
    np.testing.assert_array_equal(weights_of(som), weights_of(general))
    np.testing.assert_array_equal(numbers(som.get_weights_as_grid()), weights_of(som))


@pytest.mark.parametrize("bubble", [False, True])
def test_one_sample_after_the_other(bubble):
    som = built(SOM2dLayer, SIZE, DIM, neighborhood_function="bubble" if bubble else "gaussian")
    start = weights_of(som).copy()
    x = values(30, DIM, seed=1)
    position, distance = oracle.best(x.astype("float64"), start)
    found, error = som(ops.convert_to_tensor(x))
    np.testing.assert_array_equal(numbers(found), position)
    assert_accurate(numbers(error), distance)
    assert_accurate(weights_of(trained(som, BATCHES)), oracle.train(BATCHES, start, bubble=bubble), units=16)


def test_initializer_and_size():
    som = SOM2dLayer(2, DIM, weights_initializer="ones")
    som.build((None, DIM))
    np.testing.assert_array_equal(weights_of(som), np.ones((2, 2, DIM)))
    assert som.get_config()["map_size"] == 2
    assert som.compute_output_shape((None, DIM)) == ((None, 2), (None,))
