"""Normalization: what reads and writes every element once, with Keras' own layers and native code as yardsticks."""

from collections.abc import Mapping

import keras

from bench.workloads.sizes import IMAGES, ROWS, images, per_element, tokens
from bench.workloads.workload import Size, Workload
from dl_techniques import layers

EPSILON = 1e-6
WIDTH_SWEEP = {
    f"width={width}": {"batch": 4, "tokens": 256, "width": width} for width in (128, 256, 512, 1024, 2048, 4096)
}
PIXELS = {**IMAGES, "gpu": {**IMAGES["gpu"], "batch": 1024}}


def _normalization(name: str, layer, operations: int = 5, sizes: Mapping[str, Size] = ROWS, **fields) -> Workload:
    return Workload(name, "normalization", layer, tokens, sizes, per_element(operations, tokens), **fields)


WORKLOADS = (
    _normalization(
        "rms_norm",
        lambda size: layers.RMSNorm(epsilon=EPSILON),
        sizes={**ROWS, **WIDTH_SWEEP},
        native="native_rms_norm",
    ),
    _normalization("band_rms", lambda size: layers.BandRMS()),
    _normalization("dynamic_tanh", lambda size: layers.DynamicTanh()),
    Workload(
        "global_response_norm",
        "normalization",
        lambda size: layers.GlobalResponseNormalization(),
        images,
        PIXELS,
        per_element(6, images),
    ),
    _normalization(
        "logit_norm", lambda size: layers.LogitNorm(temperature=1.0), operations=3, native="native_unit_norm"
    ),
    # With no value missing it is layer normalization without gain and offset.
    _normalization("standard_scaler", lambda size: layers.StandardScaler(), operations=6, native="native_layer_norm"),
    _normalization(
        "keras_rms_normalization",
        lambda size: keras.layers.RMSNormalization(epsilon=EPSILON),
        native="native_rms_norm",
    ),
    _normalization(
        "keras_layer_normalization",
        lambda size: keras.layers.LayerNormalization(epsilon=EPSILON),
        operations=8,
        native="native_layer_norm",
    ),
    _normalization(
        "keras_unit_normalization",
        lambda size: keras.layers.UnitNormalization(),
        operations=3,
        native="native_unit_norm",
    ),
    _normalization(
        "native_rms_norm",
        lambda size: keras.layers.RMSNormalization(epsilon=EPSILON),
        sizes={**ROWS, **WIDTH_SWEEP},
        core="rms_norm",
        options={"epsilon": EPSILON},
    ),
    _normalization(
        "native_layer_norm",
        lambda size: keras.layers.LayerNormalization(epsilon=EPSILON),
        operations=8,
        core="layer_norm",
        options={"epsilon": EPSILON},
    ),
    _normalization("native_unit_norm", lambda size: keras.layers.UnitNormalization(), operations=3, core="unit_norm"),
)
