from dl_techniques import layers
from dl_techniques.catalogue._technique import Technique

TECHNIQUES: tuple[Technique, ...] = (
    Technique(
        layers.RBFLayer,
        {
            "units": 3,
            "gamma_init": 0.5,
            "repulsion_strength": 0.25,
            "min_center_distance": 1.5,
            "center_initializer": "random_normal",
            "center_constraint": "max_norm",
            "safety_margin": 0.5,
        },
        inputs=((2, 5, 4),),
        paper="doi:10.1162/neco.1989.1.2.281",
        rejects=(
            {"units": 0},
            {"gamma_init": 0.0},
            {"repulsion_strength": -0.1},
            {"min_center_distance": 0.0},
            {"safety_margin": -0.1},
        ),
        rejects_inputs=((4,), (2, 5, None)),
        adds_loss=True,
    ),
)
