import keras
import numpy as np
import pytest
from keras import ops

from dl_techniques.layers import DecoupledMaxLogit, DMLPlus
from tests.oracles import norms
from tests.oracles.compare import assert_accurate, assert_same_function, output, values


@pytest.mark.parametrize("axis", [-1, 1, [1, 2]])
def test_focal_oracle(axis):
    axes = tuple(axis) if np.ndim(axis) else axis
    assert_same_function(
        DMLPlus("focal", axis, epsilon=0.1),
        lambda x: norms.decoupled_max_logit(x, constant=1, axis=axes, epsilon=0.1)[1],
        values(2, 3, 4),
    )


@pytest.mark.parametrize(("axis", "kept"), [(-1, (2, 3, 1)), (1, (2, 1, 4)), ([1, 2], (2, 1, 1))])
def test_center_oracle(axis, kept):
    axes = tuple(axis) if np.ndim(axis) else axis
    x = values(2, 3, 4)
    norm, divisor = DMLPlus("center", axis, epsilon=0.1)(ops.convert_to_tensor(x))
    expected = norms.decoupled_max_logit(x.astype("float64"), constant=1, axis=axes, epsilon=0.1)[2]
    assert_accurate(ops.convert_to_numpy(norm), expected)
    assert_accurate(ops.convert_to_numpy(divisor), expected.reshape(kept))


def test_both_are_parts_of_the_decoupled_logit():
    x = ops.convert_to_tensor(values(16, 8))
    _, cosine, norm = DecoupledMaxLogit()(x)
    np.testing.assert_array_equal(output(DMLPlus("focal"), x), ops.convert_to_numpy(cosine))
    np.testing.assert_array_equal(ops.convert_to_numpy(DMLPlus("center")(x)[0]), ops.convert_to_numpy(norm))


@pytest.mark.parametrize(("model_type", "shapes"), [("focal", [(None, 5)]), ("center", [(None, 5), (None, 5, 1)])])
def test_a_functional_model_knows_its_outputs(model_type, shapes):
    inputs = keras.Input((5, 8))
    model = keras.Model(inputs, DMLPlus(model_type)(inputs))
    assert [y.shape for y in model.outputs] == shapes
    found = keras.tree.flatten(model(ops.convert_to_tensor(values(2, 5, 8))))
    assert [tuple(y.shape) for y in found] == [(2, *shape[1:]) for shape in shapes]
