from dl_techniques import layers
from dl_techniques.catalogue._exceptions import EMPTY_BATCH_RETURNED
from dl_techniques.catalogue._technique import Technique

_ROUTING = {
    "num_capsules": 3,
    "dim_capsules": 4,
    "routing_iterations": 2,
    "kernel_initializer": "he_normal",
    "kernel_regularizer": "l2",
    "squash_epsilon": 1e-3,
}
_ROUTING_REJECTS = (
    {"num_capsules": 0},
    {"dim_capsules": -1},
    {"dim_capsules": 2.0},
    {"routing_iterations": 0},
    {"squash_epsilon": 0.0},
)
_ROUTING_REJECTS_INPUTS = ((2, 6), (2, 6, 5, 1), (2, None, 5), (2, 6, None))

TECHNIQUES = (
    Technique(
        layers.SquashLayer,
        {"axis": 1, "epsilon": 1e-3},
        inputs=((2, 5, 8),),
        paper="arXiv:1710.09829",
        rejects=({"axis": 3}, {"axis": "last"}, {"axis": ()}, {"epsilon": 0.0}, {"epsilon": -1e-7}),
        rejects_inputs=((8,),),
    ),
    Technique(
        layers.PrimaryCapsule,
        {
            "num_capsules": 3,
            "dim_capsules": 4,
            "kernel_size": (3, 2),
            "strides": (2, 1),
            "padding": "same",
            "kernel_initializer": "glorot_uniform",
            "kernel_regularizer": "l2",
            "squash_epsilon": 1e-3,
        },
        inputs=((2, 7, 6, 3),),
        paper="arXiv:1710.09829",
        rejects=(
            {"num_capsules": 0},
            {"dim_capsules": 0},
            {"kernel_size": 0},
            {"strides": (1, 2, 3)},
            {"padding": "causal"},
            {"squash_epsilon": 0.0},
        ),
        rejects_inputs=((2, 7, 6), (2, 7, 6, None)),
        tolerances=EMPTY_BATCH_RETURNED,
    ),
    Technique(
        layers.RoutingCapsule,
        _ROUTING,
        inputs=((2, 6, 5),),
        paper="arXiv:1710.09829",
        rejects=_ROUTING_REJECTS,
        rejects_inputs=_ROUTING_REJECTS_INPUTS,
    ),
    Technique(
        layers.CapsuleBlock,
        {**_ROUTING, "dropout_rate": 0.25, "use_layer_norm": True, "seed": 3},
        inputs=((2, 6, 5),),
        paper="arXiv:1710.09829",
        rejects=(*_ROUTING_REJECTS, {"dropout_rate": 1.0}, {"dropout_rate": -0.1}, {"use_layer_norm": "yes"}),
        rejects_inputs=_ROUTING_REJECTS_INPUTS,
        random=True,
    ),
)
