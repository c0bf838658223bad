"""Parts of layers are called the short way, and the long way where Keras has something to do before or after."""

import keras
import pytest
from keras import ops

from dl_techniques._keras_layers import Conv2D, Dense, Dropout, LayerNormalization, Part
from tests.oracles.compare import randomized, values

SHAPE = (2, 5, 4)
IMAGES = (2, 5, 5, 4)


@pytest.fixture
def long_ways(monkeypatch):
    """The layers that were called by Keras' own `__call__`."""
    layers = []
    original = keras.layers.Layer.__call__

    def noted(layer, *args, **kwargs):
        layers.append(layer)
        return original(layer, *args, **kwargs)

    monkeypatch.setattr(keras.layers.Layer, "__call__", noted)
    return layers


def tensor(dtype="float32"):
    return ops.convert_to_tensor(values(*SHAPE), dtype)


@pytest.mark.parametrize(
    ("make", "shape"), [(lambda: Dense(4), SHAPE), (LayerNormalization, SHAPE), (lambda: Conv2D(3, 3), IMAGES)]
)
def test_the_short_way_computes_the_same(make, shape, long_ways):
    part = randomized(make(), shape)
    x = ops.convert_to_tensor(values(*shape))
    short = part(x)
    assert not long_ways
    long = super(Part, part).__call__(x)
    assert long_ways == [part]
    assert ops.convert_to_numpy(short).tolist() == ops.convert_to_numpy(long).tolist()
    assert ops.convert_to_numpy(part(x, training=True)).tolist() == ops.convert_to_numpy(short).tolist()


@pytest.mark.parametrize("training", [False, True])
def test_dropout_does_as_it_is_told(training, long_ways):
    part = Dropout(0.5, seed=1)
    part.build(SHAPE)
    dropped = ops.convert_to_numpy(part(tensor(), training=training)) == 0
    assert not long_ways
    assert dropped.any() == training


def test_dropout_must_be_told():
    with pytest.raises(TypeError, match="training"):
        Dropout(0.5)(tensor())


def _quantized(part, monkeypatch):
    part.quantize("int8")


def _with_a_penalty(part, monkeypatch):
    part.activity_regularizer = keras.regularizers.L2(1.0)


def _distributed(part, monkeypatch):
    monkeypatch.setattr(keras.distribution, "distribution", object)


def _in_half_precision(part, monkeypatch):
    part.dtype_policy = "float16"


@pytest.mark.parametrize(
    "change", [_quantized, _with_a_penalty, _distributed, _in_half_precision], ids=lambda f: f.__name__
)
def test_the_long_way_where_keras_has_something_to_do(change, long_ways, monkeypatch):
    part = Dense(4)
    part.build(SHAPE)
    change(part, monkeypatch)
    part(tensor())
    assert long_ways == [part]


def test_a_layer_made_under_a_remat_scope_takes_the_long_way(long_ways):
    with keras.RematScope("full"):
        part = Dense(4)
    part.build(SHAPE)
    part(tensor())
    assert long_ways == [part]


def test_penalties_are_added():
    part = Dense(4, use_bias=False, kernel_initializer="identity", activity_regularizer=keras.regularizers.L2(1.0))
    part.build(SHAPE)
    part(tensor())
    expected = (values(*SHAPE).astype("float64") ** 2).sum() / SHAPE[0]
    assert ops.convert_to_numpy(part.losses[0]) == pytest.approx(expected, rel=1e-5)


def test_an_unbuilt_part_is_built(long_ways):
    part = Dense(4)
    part(tensor())
    assert part.built
    assert long_ways == [part]


def test_other_dtypes_are_converted(long_ways):
    part = Dense(4)
    part.build(SHAPE)
    assert keras.backend.standardize_dtype(part(tensor("float16")).dtype) == "float32"


def test_symbolic_tensors_are_recorded():
    part = Dense(4)
    part.build(SHAPE)
    inputs = keras.Input(SHAPE[1:])
    assert keras.Model(inputs, part(inputs)).layers[-1] is part


@pytest.mark.parametrize(("part", "shape"), [(Dense(4), (2, 5, 3)), (Conv2D(3, 3), (2, 5, 5, 3))])
def test_a_wrong_width_is_named(part, shape):
    part.build(shape)
    with pytest.raises(ValueError, match="expected axis -1 of input shape to have value 3"):
        part(ops.ones((*shape[:-1], 4)))


@pytest.mark.parametrize("part", [Dense(4), Conv2D(3, 3)])
def test_too_few_axes_are_named(part):
    part.build(IMAGES)
    with pytest.raises(ValueError, match="expected min_ndim"):
        part(ops.ones(4))


@pytest.mark.parametrize(("inner", "outer"), [("float32", "mixed_bfloat16"), ("mixed_bfloat16", "float32")])
def test_a_convolution_may_stand_alone(inner, outer):
    """In a functional model the layers need not have the dtype policy of the model."""
    part = Conv2D(3, 3, dtype=inner)
    part.build(IMAGES)

    class Model(keras.layers.Layer):
        def call(self, inputs):
            return part(ops.cast(inputs, part.compute_dtype))

    y = Model(dtype=outer)(ops.ones(IMAGES))
    assert keras.backend.standardize_dtype(y.dtype) == part.compute_dtype


@pytest.mark.skipif(keras.config.backend() != "torch", reason="hooks are PyTorch's")
@pytest.mark.parametrize("register", ["register_forward_pre_hook", "register_forward_hook"])
def test_hooks_are_called(register):
    part = Dense(4)
    part.build(SHAPE)
    calls = []
    getattr(part, register)(lambda *args: calls.append(args))
    part(tensor())
    assert len(calls) == 1
