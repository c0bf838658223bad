"""Every public technique as one plain row; the contract tests, the numerics and the documents iterate over it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from dl_techniques import layers

Shape = tuple[int | None, ...]


@dataclass(frozen=True)
class Technique:
    """One row.

    Args:
        cls: the class.
        arguments: constructor arguments; values that are not the defaults, or a lost argument stays unseen.
        inputs: shape of each input, batch included.
        paper: arXiv id, DOI or "none".
        rejects: constructor arguments, each set of which must raise a `ValueError` that shows a received value.
        rejects_inputs: input shapes, each of which must raise such a `ValueError` when the layer is built.
        random: whether it draws random numbers in training mode.
        xfail: "backend:check" -> why that backend cannot pass that check. It must then really fail.
    """

    cls: type
    arguments: Mapping[str, Any]
    inputs: tuple[Shape, ...]
    paper: str
    rejects: tuple[Mapping[str, Any], ...] = ()
    rejects_inputs: tuple[Shape, ...] = ()
    random: bool = False
    xfail: Mapping[str, str] = field(default_factory=dict)

    @property
    def name(self) -> str:
        return self.cls.__name__

    def make(self, **overrides: Any) -> Any:
        return self.cls(**{**self.arguments, **overrides})


TECHNIQUES: tuple[Technique, ...] = (
    Technique(
        layers.RMSNorm,
        {"axis": [1, 2], "epsilon": 1e-5, "scale_initializer": "random_normal"},
        inputs=((2, 6, 8),),
        paper="arXiv:1910.07467",
        rejects=({"epsilon": 0.0}, {"epsilon": -1.0}, {"axis": -4}),
        rejects_inputs=((2, 6, None), (2, None, 8)),
    ),
    Technique(
        layers.BandRMS,
        {"max_band_width": 0.4, "axis": 1, "epsilon": 1e-5, "band_regularizer": "l1"},
        inputs=((2, 6, 4),),
        paper="none",
        rejects=({"max_band_width": 0.0}, {"max_band_width": 1.0}, {"epsilon": 0}, {"axis": 3}, {"axis": "last"}),
        rejects_inputs=((2, None, 4),),
    ),
    Technique(
        layers.DynamicTanh,
        {
            "axis": [-1, 1],
            "alpha_init_value": 0.7,
            "kernel_initializer": "random_normal",
            "bias_initializer": "random_normal",
            "kernel_regularizer": "l2",
            "bias_regularizer": "l1",
            "kernel_constraint": "max_norm",
            "bias_constraint": "non_neg",
        },
        inputs=((2, 6, 3, 4),),
        paper="arXiv:2503.10622",
        rejects=({"alpha_init_value": "half"}, {"alpha_init_value": True}, {"axis": [1, -3]}),
        rejects_inputs=((2, None, 3, 4),),
    ),
    Technique(
        layers.GlobalResponseNormalization,
        {
            "epsilon": 1e-4,
            "gamma_initializer": "random_normal",
            "beta_initializer": "random_normal",
            "gamma_regularizer": "l1",
            "beta_regularizer": "l2",
        },
        inputs=((2, 4, 4, 6),),
        paper="arXiv:2301.00808",
        rejects=({"epsilon": 0.0}, {"epsilon": "small"}),
        rejects_inputs=((2, 4, 6), (2, 4, 4, None)),
    ),
    Technique(
        layers.LayerScale,
        {"multiplier_type": "global", "initializer": "random_uniform", "regularizer": "l2", "constraint": None},
        inputs=((2, 6, 8),),
        paper="arXiv:2103.17239",
        rejects=({"multiplier_type": "CHANNEL"}, {"multiplier_type": None}),
    ),
    Technique(
        layers.StochasticDepth,
        {"drop_path_rate": 0.25, "seed": 3},
        inputs=((8, 4, 6),),
        paper="arXiv:1603.09382",
        rejects=({"drop_path_rate": 1.0}, {"drop_path_rate": -0.1}, {"drop_path_rate": "half"}),
        rejects_inputs=((8,),),
        random=True,
    ),
    Technique(
        layers.RotaryPositionEmbedding,
        {"head_dim": 8, "max_seq_len": 12, "rope_theta": 100.0, "rope_percentage": 0.75},
        inputs=((2, 3, 6, 8),),
        paper="arXiv:2104.09864",
        rejects=(
            {"head_dim": 0},
            {"head_dim": 7},
            {"max_seq_len": 0},
            {"rope_theta": 0.0},
            {"rope_percentage": 0.0},
            {"rope_percentage": 1.5},
        ),
        rejects_inputs=((2, 6, 8), (2, 3, 6, 4), (2, 3, 13, 8)),
    ),
    Technique(
        layers.GroupQueryAttention,
        {
            "dim": 16,
            "num_heads": 4,
            "num_kv_heads": 2,
            "max_seq_len": 8,
            "dropout_rate": 0.25,
            "rope_percentage": 0.5,
            "use_bias": True,
            "seed": 3,
        },
        inputs=((2, 6, 16),),
        paper="arXiv:2305.13245",
        rejects=(
            {"dim": 0},
            {"num_heads": 0},
            {"num_heads": 5},
            {"num_kv_heads": 0},
            {"num_kv_heads": 3},
            {"max_seq_len": 0},
            {"dropout_rate": 1.0},
            {"rope_percentage": 1.5},
        ),
        rejects_inputs=((6, 16), (2, 6, 8)),
        random=True,
    ),
    Technique(
        layers.DifferentialAttention,
        {
            "dim": 16,
            "num_heads": 2,
            "head_dim": 6,
            "dropout_rate": 0.25,
            "attention_dropout_rate": 0.125,
            "lambda_init": 0.7,
            "layer_idx": 2,
            "kernel_initializer": "he_normal",
            "seed": 3,
        },
        inputs=((2, 6, 16),),
        paper="arXiv:2410.05258",
        rejects=(
            {"dim": 0},
            {"num_heads": 0},
            {"num_heads": 3},
            {"head_dim": 0},
            {"head_dim": None, "num_heads": 16},
            {"dropout_rate": 1.0},
            {"attention_dropout_rate": -0.1},
            {"lambda_init": 1.0},
            {"layer_idx": -1},
        ),
        rejects_inputs=((6, 16), (2, 6, 8)),
        random=True,
    ),
    Technique(
        layers.WindowAttention,
        {
            "dim": 8,
            "window_size": 3,
            "num_heads": 2,
            "qkv_bias": False,
            "qk_scale": 0.75,
            "attention_dropout_rate": 0.125,
            "dropout_rate": 0.25,
            "proj_bias": False,
            "kernel_initializer": "he_normal",
            "seed": 3,
        },
        inputs=((4, 9, 8),),
        paper="arXiv:2103.14030",
        rejects=(
            {"dim": 0},
            {"window_size": 0},
            {"num_heads": 0},
            {"num_heads": 3},
            {"attention_dropout_rate": 1.0},
            {"dropout_rate": -0.1},
        ),
        rejects_inputs=((9, 8), (4, 8, 8), (4, 9, 6)),
        random=True,
    ),
    Technique(
        layers.ConvNeXtV1Block,
        {
            "filters": 6,
            "kernel_size": 3,
            "strides": 2,
            "activation": "silu",
            "dropout_rate": 0.125,
            "spatial_dropout_rate": 0.25,
            "use_bias": False,
            "gamma_initializer": "random_normal",
            "kernel_regularizer": "l2",
            "seed": 3,
        },
        inputs=((2, 7, 6, 4),),
        paper="arXiv:2201.03545",
        rejects=(
            {"filters": 0},
            {"kernel_size": 0},
            {"strides": 0},
            {"dropout_rate": 1.0},
            {"spatial_dropout_rate": -0.1},
        ),
        rejects_inputs=((2, 7, 4), (2, 7, 6, None)),
        random=True,
    ),
    Technique(
        layers.ConvNeXtV2Block,
        {
            "filters": 6,
            "kernel_size": 3,
            "strides": 2,
            "activation": "silu",
            "dropout_rate": 0.125,
            "spatial_dropout_rate": 0.25,
            "use_bias": False,
            "kernel_regularizer": "l2",
            "seed": 3,
        },
        inputs=((2, 7, 6, 4),),
        paper="arXiv:2301.00808",
        rejects=(
            {"filters": 0},
            {"kernel_size": 0},
            {"strides": 0},
            {"dropout_rate": 1.0},
            {"spatial_dropout_rate": -0.1},
        ),
        rejects_inputs=((2, 7, 4), (2, 7, 6, None)),
        random=True,
    ),
    Technique(
        layers.UIB,
        {
            "filters": 6,
            "expansion_factor": 3,
            "stride": 2,
            "kernel_size": 5,
            "block_type": "ExtraDW",
            "kernel_initializer": "glorot_normal",
            "kernel_regularizer": "l2",
        },
        inputs=((2, 7, 6, 4),),
        paper="arXiv:2404.10518",
        rejects=(
            {"filters": 0},
            {"expansion_factor": 0},
            {"stride": 0},
            {"kernel_size": 0},
            {"block_type": "MBConv"},
            {"block_type": "FFN"},
        ),
        rejects_inputs=((2, 7, 4), (2, 7, 6, None)),
    ),
)
