"""The two forms of attention, fused and explicit, are one function."""

import keras
import numpy as np
import pytest
from keras import ops

from dl_techniques.layers import AdaptiveSoftmax
from dl_techniques.layers.attention._core import attend
from dl_techniques.layers.attention._core import attention_weights as attention_core_weights
from tests._frameworks import value_and_gradients
from tests.oracles.attention import attention, attention_weights


class KeepAll:
    """A dropout that needs the weights, so attention is explicit, and drops none."""

    rate = 0.5

    def __call__(self, weights, training):
        assert training
        return weights


FUSED, EXPLICIT = ({"dropout": KeepAll(), "training": training} for training in (False, True))
LENGTH, HEADS = 5, 4

random = np.random.default_rng(0)
query = random.standard_normal((2, LENGTH, HEADS, 6)).astype("float32")
key, value = random.standard_normal((2, 2, LENGTH, HEADS, 6)).astype("float32")
bias = random.standard_normal((1, HEADS, LENGTH, LENGTH)).astype("float32")
mask = random.random((2, 1, LENGTH, LENGTH)) < 0.5
mask[0, 0, 2] = False
causal = np.tri(LENGTH, dtype=bool)
assert not mask.any(axis=-1).all()
assert not mask[1].all()


CASES = {
    "plain": ({}, {}),
    "scale": ({"scale": 0.3}, {"scale": 0.3}),
    "zero scale": ({"scale": 0.0}, {"scale": 0.0}),
    "causal": ({"is_causal": True}, {"mask": causal}),
    "mask": ({"mask": mask}, {"mask": mask}),
    "causal mask": ({"mask": mask, "is_causal": True}, {"mask": mask & causal}),
    "bias": ({"bias": bias}, {"bias": bias}),
    "causal bias": ({"bias": bias, "is_causal": True}, {"bias": bias, "mask": causal}),
    "bias and mask": ({"bias": bias, "mask": mask}, {"bias": bias, "mask": mask}),
    "padding": ({"mask": mask[:, :, 3:4]}, {"mask": mask[:, :, 3:4]}),
}


@pytest.mark.parametrize("form", [FUSED, EXPLICIT], ids=["fused", "explicit"])
@pytest.mark.parametrize("kv_heads", [4, 2, 1])
@pytest.mark.parametrize(("options", "expected"), CASES.values(), ids=CASES)
def test_values(options, expected, kv_heads, form):
    k, v = key[:, :, :kv_heads], value[:, :, :kv_heads]
    found = attend(*map(ops.convert_to_tensor, (query, k, v)), **tensors(options), **form)
    np.testing.assert_allclose(ops.convert_to_numpy(found), attention(query, k, v, **expected), rtol=0, atol=2e-6)


@pytest.mark.parametrize("form", [FUSED, EXPLICIT], ids=["fused", "explicit"])
def test_single_key(form):
    one = value[:, :1]
    found = attend(*map(ops.convert_to_tensor, (query, key[:, :1], one)), **form)
    np.testing.assert_allclose(ops.convert_to_numpy(found), np.repeat(one, LENGTH, axis=1), rtol=1e-6)


@pytest.mark.parametrize("value_dim", [1, 9])
@pytest.mark.parametrize("name", ["plain", "causal mask", "bias and mask"])
def test_values_of_another_size(name, value_dim):
    form = {"dropout": keras.layers.Dropout(0.5), "training": False}
    options, expected = CASES[name]
    wide = np.concatenate([value, value], axis=-1)[..., :value_dim]
    found = attend(*map(ops.convert_to_tensor, (query, key, wide)), **tensors(options), **form)
    np.testing.assert_allclose(ops.convert_to_numpy(found), attention(query, key, wide, **expected), rtol=0, atol=2e-6)


@pytest.mark.parametrize("kv_heads", [4, 2])
@pytest.mark.parametrize("name", ["plain", "causal", "mask", "bias and mask", "padding"])
def test_gradients(name, kv_heads):
    cotangent = np.random.default_rng(1).standard_normal(query.shape).astype("float32")
    options = tensors(CASES[name][0])
    inputs = [query, key[:, :, :kv_heads], value[:, :, :kv_heads]]
    steps = [
        value_and_gradients(Attend(options, form), inputs, [cotangent], training=True, jit=True)
        for form in (FUSED, EXPLICIT)
    ]
    (fused, fused_gradients), (explicit, explicit_gradients) = steps
    for one, other in zip([*fused, *fused_gradients], [*explicit, *explicit_gradients], strict=True):
        assert np.isfinite(ops.convert_to_numpy(one)).all()
        np.testing.assert_allclose(ops.convert_to_numpy(one), ops.convert_to_numpy(other), rtol=0, atol=5e-6)


@pytest.mark.parametrize("form", [FUSED, EXPLICIT], ids=["fused", "explicit"])
@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_half_precision_is_finite_where_a_query_sees_nothing(dtype, form):
    cotangent = ops.ones(query.shape, dtype=dtype)
    for options, _ in CASES.values():
        layer = Attend(tensors(options, dtype), form, dtype=dtype)
        outputs, gradients = value_and_gradients(layer, [query, key, value], [cotangent], training=True, jit=False)
        for x in [*outputs, *gradients]:
            assert np.isfinite(ops.convert_to_numpy(ops.cast(x, "float32"))).all()


class Attend(keras.layers.Layer):
    def __init__(self, options, form, **kwargs):
        super().__init__(**kwargs)
        self.options = options
        self.form = form
        self.built = True

    def call(self, inputs, training=None):
        return attend(*inputs, **self.options, **self.form)


def tensors(options, dtype="float32"):
    arrays = {name: ops.convert_to_tensor(x) for name, x in options.items() if isinstance(x, np.ndarray)}
    return {**options, **arrays, **({"bias": ops.cast(arrays["bias"], dtype)} if "bias" in arrays else {})}


@pytest.mark.parametrize("options", [{}, {"is_causal": True}, {"mask": mask}, {"bias": bias}])
def test_flash_attention_is_asked_for_where_nothing_stands_against_it(monkeypatch, options):
    asked = []
    original = ops.dot_product_attention

    def listen(*tensors, flash_attention, **rest):
        asked.append(flash_attention)
        return original(*tensors, flash_attention=False, **rest)

    monkeypatch.setattr(ops, "dot_product_attention", listen)
    attend(query, key, value, **tensors(options))
    plain = "mask" not in options and "bias" not in options
    assert asked == [None if keras.backend.backend() == "jax" and plain else False]


def gradients_of_one_head(query, key, value, cotangent):
    """In float64."""
    scale = query.shape[-1] ** -0.5
    weights = attention_weights(query, key)
    mixed = np.einsum("bqhd,bkhd->bhqk", cotangent, value)
    slopes = weights * (mixed - (mixed * weights).sum(axis=-1, keepdims=True)) * scale
    return (
        np.einsum("bhqk,bkhd->bqhd", slopes, key),
        np.einsum("bhqk,bqhd->bkhd", slopes, query),
        np.einsum("bhqk,bqhd->bkhd", weights, cotangent),
    )


@pytest.mark.parametrize("deviation", [3.0, 10.0, 20.0])
def test_gradients_lose_as_many_digits_as_the_logits_have(deviation):
    """Until the softmax saturates, at logits of about 1600; see the module."""
    draw = np.random.default_rng(1).standard_normal
    q, k = (deviation * draw((2, 48, 1, 32)).astype("float32") for _ in range(2))
    v, cotangent = (draw((2, 48, 1, 32)).astype("float32") for _ in range(2))
    _, found = value_and_gradients(Attend({}, FUSED), [q, k, v], [cotangent], training=True, jit=False)
    expected = gradients_of_one_head(*(x.astype("float64") for x in (q, k, v, cotangent)))
    largest = np.abs(np.einsum("bqhd,bkhd->bhqk", q, k)).max() / np.sqrt(32)
    for gradient, exact, units in zip(found, expected, (4, 4, 2), strict=True):
        error = np.abs(ops.convert_to_numpy(gradient) - exact).max() / np.abs(exact).max()
        assert error < units * 2.0**-23 * largest


@pytest.mark.skipif(keras.backend.backend() != "torch", reason="only PyTorch's exports have numbers for unknown sizes")
@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore:.*might cause the trace to be incorrect")
@pytest.mark.parametrize("options", [{}, {"softmax": AdaptiveSoftmax()}], ids=["softmax", "adaptive"])
def test_weights_that_are_traced_with_a_single_key_take_more(options):
    """As in a model that is exported to ONNX with an unknown length, for which Keras puts 1."""
    import torch

    traced = torch.jit.trace(
        lambda *heads: attention_core_weights(*heads, **options), (torch.ones(1, 1, 1, 6),) * 2, check_trace=False
    )
    heads = ops.convert_to_tensor(query), ops.convert_to_tensor(key)
    np.testing.assert_allclose(traced(*heads), attention_core_weights(*heads, **options), rtol=0, atol=1e-6)
