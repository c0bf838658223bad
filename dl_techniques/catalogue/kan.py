from dl_techniques import layers
from dl_techniques.catalogue._exceptions import NOT_FINITE_IN_RELU
from dl_techniques.catalogue._technique import Technique

TECHNIQUES = (
    Technique(
        layers.KANLinear,
        {
            "in_features": 5,
            "out_features": 4,
            "grid_size": 4,
            "spline_order": 2,
            "grid_range": (-1.5, 2.0),
            "activation": "softplus",
            "kernel_initializer": "he_normal",
            "spline_initializer": "he_normal",
            "kernel_regularizer": "l1",
            "spline_regularizer": "l2",
        },
        inputs=((2, 3, 5),),
        paper="arXiv:2404.19756",
        rejects=(
            {"in_features": 0},
            {"out_features": 0},
            {"grid_size": 1},
            {"spline_order": 0},
            {"spline_order": 5},
            {"grid_range": (1.0, 1.0)},
            {"grid_range": (-1.0, 0.0, 1.0)},
            {"grid_range": ("a", "b")},
        ),
        rejects_inputs=((5,), (2, 3, 4), (2, 3, None)),
    ),
    Technique(
        layers.PowerMLPLayer,
        {
            "units": 6,
            "k": 2,
            "kernel_initializer": "glorot_uniform",
            "bias_initializer": "random_normal",
            "kernel_regularizer": "l2",
            "bias_regularizer": "l1",
        },
        inputs=((2, 5, 8),),
        paper="arXiv:2412.13571",
        rejects=({"units": 0}, {"units": 2.0}, {"k": 0}, {"k": 1.5}),
        rejects_inputs=((8,), (2, 5, None)),
        tolerances=NOT_FINITE_IN_RELU,
    ),
)
