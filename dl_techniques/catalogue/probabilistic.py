from dl_techniques import layers
from dl_techniques.catalogue._technique import Technique

_TORCH_CANNOT_COMPILE_A_DRAW = "Keras draws normal numbers outside of the graph on torch, also unseeded ones"

TECHNIQUES = (
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
)
