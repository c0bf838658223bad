import numpy as np

from dl_techniques.layers import DiffFFN
from tests.oracles import ffn
from tests.oracles.compare import assert_accurate, output, randomized, values, weights_of

X = values(2, 5, 8)
BRANCH = ("dense", "norm", "proj")


def make(**arguments):
    return randomized(DiffFFN(13, 6, **arguments), X.shape)


def branch(layer, sign):
    return [weights_of(getattr(layer, f"{sign}_{part}")) for part in BRANCH]


def test_formula():
    layer = make()
    gain = weights_of(layer.difference_norm)[0]
    branches = branch(layer, "positive"), branch(layer, "negative")
    expected = ffn.differential(X.astype("float64"), *branches, gain, weights_of(layer.output_proj))
    assert_accurate(output(layer, X), expected, units=64)


def test_equal_branches_leave_the_bias():
    layer = make()
    for part in BRANCH:
        getattr(layer, f"negative_{part}").set_weights(getattr(layer, f"positive_{part}").get_weights())
    bias = weights_of(layer.output_proj)[1]
    np.testing.assert_allclose(output(layer, X), np.broadcast_to(bias, (2, 5, 6)), rtol=1e-6)


def test_swapped_branches_change_the_sign():
    layer, swapped = make(), make()
    for part in BRANCH:
        for one, other in (("positive", "negative"), ("negative", "positive")):
            getattr(swapped, f"{one}_{part}").set_weights(getattr(layer, f"{other}_{part}").get_weights())
    bias = weights_of(layer.output_proj)[1]
    np.testing.assert_allclose(output(swapped, X) - bias, bias - output(layer, X), rtol=0, atol=1e-5)


def test_a_fresh_layer_does_something():
    """Branches that start with equal kernels would cancel, and only the bias would be left."""
    layer = DiffFFN(13, 6)
    assert np.abs(output(layer, X)).mean() > 0.1


def test_dropout_acts_on_the_difference():
    """Of two features both are kept, or none, or one of them."""
    x = values(256, 8)
    layer = DiffFFN(4, 32, dropout_rate=0.5, use_bias=False, seed=1)
    y, kept = output(layer, x, training=True), output(layer, x)
    ratio = np.median(y / kept, axis=1)
    shares = [np.mean(np.isclose(ratio, value, atol=0.05)) for value in (0.0, 2.0)]
    assert all(0.15 < share < 0.35 for share in shares)


def test_number_of_weights():
    norms = 4 * 13 + 6
    assert make().count_params() == 2 * (8 * 13 + 13) + 2 * (13 * 6 + 6) + 6 * 6 + 6 + norms
    assert make(use_bias=False).count_params() == 2 * 8 * 13 + 2 * 13 * 6 + 6 * 6 + norms
