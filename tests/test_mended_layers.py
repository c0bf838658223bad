"""What Keras' layers get wrong, and layers of this library do not."""

import keras
import numpy as np
import pytest
from keras import ops

from dl_techniques.layers import GatedMLP, HopfieldAttention, MLPBlock, SwinTransformerBlock
from tests._frameworks import variable
from tests.oracles.compare import output, values

X = values(2, 6, 16)


def saved_and_loaded(layer, folder, shape=X.shape[1:]):
    inputs = keras.Input(shape)
    keras.Model(inputs, layer(inputs)).save(folder / "model.keras")
    return keras.saving.load_model(folder / "model.keras").layers[-1]


@pytest.mark.filterwarnings("ignore:Layer .* does not have a `quantize` method")
@pytest.mark.parametrize("mode", ["int8", "int4", "float8"])
@pytest.mark.parametrize("make", [lambda: MLPBlock(32, 16), lambda: HopfieldAttention(2, 8)], ids=["ffn", "attention"])
def test_a_quantized_model_is_saved_and_loaded(make, mode, tmp_path):
    """Attention makes one of its parts when it is built."""
    inputs = keras.Input(X.shape[1:])
    model = keras.Model(inputs, make()(inputs))
    model.quantize(mode)
    expected = output(model, X)
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    assert [w.dtype for w in loaded.weights] == [w.dtype for w in model.weights]
    np.testing.assert_allclose(output(loaded, X), expected, rtol=0, atol=1e-5 * np.abs(expected).max())


@pytest.mark.parametrize("copy", ["saved", "cloned"])
def test_what_is_frozen_does_not_move_in_fit(copy, tmp_path):
    layer = MLPBlock(8, 16)
    layer.trainable = False
    inputs = keras.Input(X.shape[1:])
    model = keras.Model(inputs, keras.layers.Dense(1)(layer(inputs)))
    if copy == "saved":
        model.save(tmp_path / "model.keras")
        model = keras.saving.load_model(tmp_path / "model.keras")
    else:
        model = keras.models.clone_model(model)
    frozen, head = model.layers[1], model.layers[2]
    assert not frozen.trainable
    before = [*frozen.get_weights(), *head.get_weights()]
    model.compile(optimizer="sgd", loss="mse")
    model.fit(X, np.ones((2, 6, 1)), verbose=0)
    after = [*frozen.get_weights(), *head.get_weights()]
    moved = [not np.array_equal(one, other) for one, other in zip(before, after, strict=True)]
    assert moved == [False] * len(frozen.weights) + [True] * len(head.weights)


def test_one_frozen_part_stays_the_only_one(tmp_path):
    layer = MLPBlock(8, 16)
    layer.fc1.trainable = False
    loaded = saved_and_loaded(layer, tmp_path)
    assert (loaded.trainable, loaded.fc1.trainable, loaded.fc2.trainable) == (True, False, True)


def test_a_part_that_learns_inside_of_a_frozen_layer(tmp_path):
    layer = MLPBlock(8, 16)
    layer.build((None, 6, 16))
    layer.trainable = False
    layer.fc2.trainable = True
    loaded = saved_and_loaded(layer, tmp_path)
    assert (loaded.fc1.trainable, loaded.fc2.trainable) == (False, True)


def test_parts_of_parts_are_told(tmp_path):
    """Attention is made when the block is built, its projections with it."""
    layer = SwinTransformerBlock(16, 2, window_size=2)
    layer.build((None, 4, 4, 16))
    layer.attention.qkv.trainable = layer.mlp.fc2.trainable = False
    loaded = saved_and_loaded(layer, tmp_path, (4, 4, 16))
    frozen = {w.path.partition("/")[2] for w in loaded.weights if not w.trainable}
    parts = {"attention/qkv/kernel", "attention/qkv/bias", "mlp/fc2/kernel", "mlp/fc2/bias"}
    assert frozen == parts | {"attention/relative_position_index"}


def test_a_sound_layer_says_nothing_of_its_parts():
    assert "parts" not in MLPBlock(8, 16, trainable=False).get_config()


def test_a_variable_is_an_input():
    images = values(2, 3, 3, 4)
    layer = GatedMLP(4)
    np.testing.assert_array_equal(
        ops.convert_to_numpy(layer(variable(ops.convert_to_tensor(images)))), output(layer, images)
    )
