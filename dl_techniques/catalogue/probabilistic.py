from dl_techniques import layers
from dl_techniques.catalogue._technique import Function, Technique

_TORCH_CANNOT_COMPILE_A_DRAW = "Keras draws normal numbers outside of the graph on torch, also unseeded ones"

TECHNIQUES = (
    Technique(
        layers.MDNLayer,
        {
            "output_dimension": 2,
            "num_mixtures": 3,
            "kernel_initializer": "he_normal",
            "bias_initializer": "random_normal",
            "kernel_regularizer": "l2",
            "bias_regularizer": "l1",
            "min_sigma": 0.25,
            "seed": 3,
        },
        inputs=((2, 5, 8),),
        paper="arXiv:1803.10122",
        rejects=(
            {"output_dimension": 0},
            {"num_mixtures": 0},
            {"num_mixtures": 2.0},
            {"min_sigma": 0.0},
            {"seed": -1},
        ),
        rejects_inputs=((8,), (2, 5, None)),
    ),
    Technique(
        layers.Sampling,
        {"seed": 3},
        inputs=((4, 6), (4, 6)),
        paper="arXiv:1312.6114",
        rejects=({"seed": -1}, {"seed": 1.5}),
        rejects_inputs=((4, 6), ((4, 6),), ((4, 6), (4, 6), (4, 6)), ((4, 6), (4, 6, 1)), ((4, 6), (4, 5))),
        random=True,
        random_in_inference=True,
        xfail={
            "torch:jit_equals_eager": _TORCH_CANNOT_COMPILE_A_DRAW,
            "torch:training_compiles": _TORCH_CANNOT_COMPILE_A_DRAW,
        },
    ),
    Technique(
        layers.UncertaintyWeighting,
        {"log_variance_initializer": "random_normal"},
        inputs=((4, 3),),
        paper="arXiv:1705.07115",
        rejects_inputs=((3,), (4, None), (4, 3, 2)),
    ),
)

FUNCTIONS = (
    Function(layers.elu_plus_one_plus_epsilon, paper="arXiv:1511.07289"),
    Function(layers.get_point_estimate, paper="none"),
    Function(layers.get_prediction_intervals, paper="none"),
    Function(layers.get_uncertainty, paper="none"),
)
