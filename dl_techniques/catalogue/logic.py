from keras.constraints import MinMaxNorm
from keras.initializers import Constant
from keras.regularizers import L2

from dl_techniques import layers
from dl_techniques.catalogue._technique import Function, Technique

_NOT_GATE = {
    "temperature": 0.5,
    "bias_initializer": Constant(0.1),
    "bias_regularizer": L2(0.1),
    "bias_constraint": MinMaxNorm(0.0, 0.5),
}
_GATE = {
    **_NOT_GATE,
    "use_weights": True,
    "initial_weight": 0.75,
    "kernel_regularizer": L2(0.1),
    "kernel_constraint": MinMaxNorm(0.0, 2.0),
}
_NOT_ARGUMENTS = ({"logic_system": "modal"}, {"temperature": 0.0})
_ARGUMENTS = (*_NOT_ARGUMENTS, {"initial_weight": -1.0}, {"initial_weight": float("inf")})
_NOT_SEVERAL = ((8, 1), (8, None), (8,), ((8, 3),), ((8, 3), (8, 4)), ((8, 3), (8, 3, 1)))
_NOT_TWO = (*_NOT_SEVERAL, (8, 3), ((8, 3), (8, 3), (8, 3)))
_NOT_BOUNDS = ((8, 3), ((8, 3),), ((8, 3), (8, 4)), ((8, 3), (8, 3), (8, 3)))

_LOGICAL_NEURAL_NETWORKS = "arXiv:2006.13155"
_OPERATORS = "arXiv:2002.06100"

TECHNIQUES = (
    Technique(
        layers.FuzzyLogicLayer,
        {"operation": "implies", "logic_system": "boolean", "temperature": 0.5},
        inputs=((4, 3), (4, 3)),
        paper=_OPERATORS,
        rejects=({"operation": "iff"}, *_NOT_ARGUMENTS),
        rejects_inputs=((4, 3), ((4, 3),), ((4, 3), (4, 2)), ((4, 3), (4, 3), (4, 3))),
    ),
    Technique(
        layers.AdvancedLogicGateLayer,
        {"operation": "nor", "logic_system": "product", **_GATE},
        inputs=((8, 5),),
        paper=_LOGICAL_NEURAL_NETWORKS,
        rejects=({"operation": "iff"}, {"operation": "not", "use_weights": True}, *_ARGUMENTS),
        rejects_inputs=_NOT_SEVERAL,
    ),
    Technique(
        layers.FuzzyANDGateLayer,
        {"logic_system": "godel", **_GATE},
        inputs=((8, 3),),
        paper=_LOGICAL_NEURAL_NETWORKS,
        rejects=_ARGUMENTS,
        rejects_inputs=_NOT_SEVERAL,
    ),
    Technique(
        layers.FuzzyORGateLayer,
        {"logic_system": "lukasiewicz", **_GATE},
        inputs=((8, 2), (8, 2), (8, 2)),
        paper=_LOGICAL_NEURAL_NETWORKS,
        rejects=_ARGUMENTS,
        rejects_inputs=_NOT_SEVERAL,
    ),
    Technique(
        layers.FuzzyNOTGateLayer,
        {"logic_system": "product", **_NOT_GATE},
        inputs=((8, 3),),
        paper=_LOGICAL_NEURAL_NETWORKS,
        rejects=_NOT_ARGUMENTS,
        rejects_inputs=(((8, 3),), ((8, 3), (8, 3))),
    ),
    Technique(
        layers.FuzzyXORGateLayer,
        {"logic_system": "lukasiewicz", "use_bounds": True, **_GATE},
        inputs=((8, 2), (8, 2)),
        paper=_OPERATORS,
        rejects=_ARGUMENTS,
        rejects_inputs=_NOT_BOUNDS,
    ),
    Technique(
        layers.FuzzyNANDGateLayer,
        {"logic_system": "godel", **_GATE},
        inputs=((8, 4),),
        paper=_LOGICAL_NEURAL_NETWORKS,
        rejects=_ARGUMENTS,
        rejects_inputs=_NOT_SEVERAL,
    ),
    Technique(
        layers.FuzzyNORGateLayer,
        {"logic_system": "lukasiewicz", **_GATE},
        inputs=((8, 2), (8, 2)),
        paper=_LOGICAL_NEURAL_NETWORKS,
        rejects=_ARGUMENTS,
        rejects_inputs=_NOT_SEVERAL,
    ),
    Technique(
        layers.FuzzyImpliesGateLayer,
        {"logic_system": "product", **_GATE},
        inputs=((16, 2),),
        paper=_LOGICAL_NEURAL_NETWORKS,
        rejects=_ARGUMENTS,
        rejects_inputs=_NOT_TWO,
    ),
    Technique(
        layers.FuzzyEquivGateLayer,
        {"logic_system": "lukasiewicz", **_GATE},
        inputs=((8, 3), (8, 3)),
        paper=_OPERATORS,
        rejects=_ARGUMENTS,
        rejects_inputs=_NOT_TWO,
    ),
    Technique(
        layers.BoundsLayer,
        {"initial_lower": -0.25, "initial_upper": 0.5},
        inputs=((4, 3),),
        paper=_LOGICAL_NEURAL_NETWORKS,
        rejects=(
            {"initial_lower": "low"},
            {"initial_upper": float("nan")},
            {"initial_lower": 0.75, "initial_upper": 0.5},
        ),
        state=("lower_bound", "upper_bound"),
        differentiable=False,
    ),
)

FUNCTIONS = (
    Function(layers.logical_and, paper=_OPERATORS),
    Function(layers.logical_or, paper=_OPERATORS),
    Function(layers.logical_not, paper=_OPERATORS),
    Function(layers.logical_implies, paper=_OPERATORS),
    Function(layers.logical_equiv, paper=_OPERATORS),
    Function(layers.logical_xor, paper=_OPERATORS),
    Function(layers.logical_nand, paper=_OPERATORS),
    Function(layers.logical_nor, paper=_OPERATORS),
)
