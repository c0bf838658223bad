import numpy as np

from dl_techniques.layers import CapsuleBlock, RoutingCapsule
from tests.oracles.capsules import routing
from tests.oracles.compare import assert_accurate, output, randomized, values, weights_of
from tests.oracles.ffn import layer_norm

X = values(2, 5, 2)


def make(**arguments):
    return randomized(CapsuleBlock(3, 4, **arguments), X.shape)


def test_formula():
    block = make(routing_iterations=2, dropout_rate=0.5, use_layer_norm=True)
    capsules = routing(X.astype("float64"), *weights_of(block.routing), 2)
    assert_accurate(output(block, X), layer_norm(capsules, *weights_of(block.norm), 1e-6), units=64)


def test_the_default_is_the_routing_alone():
    block, layer = make(), RoutingCapsule(3, 4)
    layer.build(X.shape)
    layer.set_weights(block.get_weights())
    for training in (False, True):
        np.testing.assert_array_equal(output(block, X, training=training), output(layer, X))


def test_dropout_is_for_training():
    block = make(dropout_rate=0.5, seed=1)
    expected = output(block, X, training=False)
    assert_accurate(expected, routing(X.astype("float64"), *weights_of(block)))
    found = output(block, X, training=True)
    dropped = found == 0
    assert 0 < np.sum(dropped) < dropped.size
    np.testing.assert_allclose(found[~dropped], 2 * expected[~dropped], rtol=1e-6)


def test_the_norm_takes_the_lengths_away():
    block = CapsuleBlock(3, 4, use_layer_norm=True)
    lengths = np.linalg.norm(output(block, 30 * X), axis=-1)
    np.testing.assert_allclose(lengths, 2, rtol=1e-2)


def test_the_norm_comes_after_dropout():
    block = CapsuleBlock(3, 4, dropout_rate=0.5, use_layer_norm=True, seed=1)
    found = output(block, X, training=True)
    np.testing.assert_allclose(found.mean(axis=-1), 0, atol=1e-6)


def test_what_is_for_the_routing_reaches_it():
    part = make(stop_gradient_routing=True, squash_epsilon=1e-2).routing
    assert (part.stop_gradient_routing, part.squash_epsilon) == (True, 1e-2)
