import numpy as np
import pytest
from keras.ops import convert_to_numpy as numpy

from dl_techniques.models import ViTWithHMLPStem, create_vit_model
from tests.oracles.compare import assert_accurate, output, randomized, values, weights_of
from tests.oracles.ffn import dense, layer_norm
from tests.oracles.transformer import encoder_layer

DIM, HEADS = 16, 2
X = values(2, 16, 24, 3)
PROJECTIONS = "query_projection", "key_projection", "value_projection", "output_projection"


def make(**arguments):
    arguments = {"patch_size": 8, "norm_layer": "layer", **arguments}
    return randomized(ViTWithHMLPStem(5, embed_dim=DIM, depth=2, num_heads=HEADS, **arguments), (None, 16, 24, 3))


@pytest.mark.parametrize("norm_layer", ["batch", "layer"])
def test_formula(norm_layer):
    """From the patches on; the stem has a test of its own."""
    model = make(norm_layer=norm_layer)
    patches = output(model.stem, X).astype("float64")
    token = np.broadcast_to(numpy(model.cls_token), (2, 1, DIM))
    x = np.concatenate([token, patches], axis=1) + weights_of(model.positions)[0]
    for block in model.blocks:
        x = encoder_layer(
            x,
            [weights_of(block.attention_norm), weights_of(block.ffn_norm)],
            [weights_of(getattr(block.attention, name)) for name in PROJECTIONS],
            [weights_of(block.ffn.fc1), weights_of(block.ffn.fc2)],
            num_heads=HEADS,
        )
    expected = dense(layer_norm(x, *weights_of(model.norm), epsilon=1e-6)[:, 0], weights_of(model.head))
    assert_accurate(output(model, X), expected, units=128)


def test_without_positions_the_order_of_the_patches_does_not_matter():
    model = make()
    swapped = np.concatenate([X[:, 8:], X[:, :8]], axis=1)
    assert np.abs(output(model, swapped) - output(model, X)).max() > 1e-2
    model.positions.pos_embedding.assign(np.zeros(model.positions.pos_embedding.shape))
    np.testing.assert_allclose(output(model, swapped), output(model, X), rtol=0, atol=1e-4)


def test_dropouts_act_in_training_only():
    for name in ("dropout_rate", "attention_dropout_rate"):
        model = make(**{name: 0.5}, seed=1)
        assert np.any(output(model, X, training=True) != output(make(), X))
        np.testing.assert_array_equal(output(model, X), output(make(), X))


@pytest.mark.parametrize(
    ("size", "embed_dim", "depth", "num_heads"),
    [("tiny", 192, 12, 3), ("small", 384, 12, 6), ("base", 768, 12, 12), ("large", 1024, 24, 16)],
)
def test_usual_sizes(size, embed_dim, depth, num_heads):
    model = create_vit_model(size, num_classes=7)
    assert (model.embed_dim, model.depth, model.num_heads) == (embed_dim, depth, num_heads)
    assert (model.num_classes, len(model.blocks)) == (7, depth)


def test_unknown_sizes_are_rejected():
    with pytest.raises(ValueError, match="Received: model_size='huge'"):
        create_vit_model("huge")


def test_number_of_weights():
    stem = 4 * 4 * 3 * 4 + 4 + 2 * 4 + 2 * 2 * 4 * 16 + 16 + 2 * 16
    block = 4 * (DIM**2 + DIM) + 2 * DIM * 64 + 64 + DIM + 4 * DIM
    assert make().count_params() == stem + 2 * block + DIM + 7 * DIM + 2 * DIM + DIM * 5 + 5
