"""What stands for Keras' operations computes float64 in float64, and everything else as they do."""

import keras
import numpy as np
import pytest
from keras import ops

from dl_techniques import layers
from dl_techniques._precision import at_least, at_least_float32, mean_over, product, tanh
from tests._frameworks import double_precision

X = np.random.default_rng(0).standard_normal((3, 4, 5))
FORMULAS = {
    "at_least_float32": (at_least_float32, lambda x: x),
    "mean": (lambda x: mean_over(x, axis=(0, 2)), lambda x: x.mean(axis=(0, 2))),
    "kept axis": (lambda x: mean_over(x, axis=-1, keepdims=True), lambda x: x.mean(axis=-1, keepdims=True)),
    "floor": (lambda x: at_least(x, 0.1), lambda x: np.maximum(x, 0.1)),
    "product": (lambda x: product(x, ops.transpose(x[0])), lambda x: x @ x[0].T),
    "tanh": (tanh, np.tanh),
    "tanh of small numbers": (lambda x: tanh(1e-9 * x), lambda x: np.tanh(1e-9 * x)),
    "tanh of large numbers": (lambda x: tanh(1e9 * x), lambda x: np.tanh(1e9 * x)),
}


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize(("function", "formula"), FORMULAS.values(), ids=FORMULAS)
def test_formulas(function, formula, dtype):
    with double_precision():
        found = function(ops.convert_to_tensor(X, dtype=dtype))
        assert keras.backend.standardize_dtype(found.dtype) == dtype
        tolerance = 10 * np.finfo(dtype).eps
        np.testing.assert_allclose(ops.convert_to_numpy(found), formula(X.astype(dtype)), rtol=tolerance, atol=0)


@pytest.mark.skipif(keras.backend.backend() != "torch", reason="the check is PyTorch's")
@pytest.mark.parametrize(
    ("layer", "shape"),
    [
        (layers.RMSNorm(dtype="float64"), (2, 3)),
        (layers.GlobalResponseNormalization(gamma_initializer="ones", dtype="float64"), (1, 2, 2, 3)),
        (layers.MultiHeadSelfAttention(4, 2, dtype="float64"), (1, 3, 4)),
        (layers.SqueezeExcitation(0.5, dtype="float64"), (1, 2, 2, 4)),
    ],
    ids=lambda value: type(value).__name__,
)
def test_gradients_of_float64(layer, shape):
    import torch

    assert torch.autograd.gradcheck(layer, torch.randn(shape, dtype=torch.float64, requires_grad=True))
