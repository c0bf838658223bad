import keras

from dl_techniques import layers
from dl_techniques.catalogue._technique import Technique

_MAP_STATE = ("som_weights", "iterations")
_NO_MAPS = (
    {"input_dim": 0},
    {"initial_learning_rate": 0.0},
    {"initial_learning_rate": 1.5},
    {"decay_function": "exponential"},
    {"sigma": 0.0},
    {"neighborhood_function": "mexican_hat"},
    {"weights_initializer": "sample"},
    {"rule": "online"},
    {"max_iterations": 0},
)
_NO_SAMPLES = ((5, 3), (5, None), (5, 2, 4))

TECHNIQUES: tuple[Technique, ...] = (
    Technique(
        layers.KMeansLayer,
        {
            "n_clusters": 3,
            "temperature": 2.0,
            "momentum": 0.5,
            "centroid_lr": 0.4,
            "repulsion_strength": 0.3,
            "min_distance": 4.0,
            "output_mode": "mixture",
            "cluster_axis": [1, -1],
            "random_seed": 3,
        },
        inputs=((2, 3, 4, 2),),
        paper="arXiv:1806.10069",
        rejects=(
            {"n_clusters": 0},
            {"temperature": 0.0},
            {"momentum": 1.0},
            {"momentum": -0.1},
            {"centroid_lr": 0.0},
            {"centroid_lr": 1.1},
            {"repulsion_strength": -0.1},
            {"min_distance": 0.0},
            {"output_mode": "mixtures"},
            {"cluster_axis": 4},
            {"cluster_axis": [1, -3]},
            {"cluster_axis": []},
            {"centroid_update": "none"},
            {"random_seed": -1},
        ),
        rejects_inputs=((2, 3, 4, None), (2, None, 4, 2)),
        at_default={"centroid_update": "centroids that an optimizer moves are no state"},
        state=("centroids", "centroid_momentum"),
    ),
    Technique(
        layers.SOM2dLayer,
        {
            "map_size": (3, 2),
            "input_dim": 4,
            "initial_learning_rate": 0.3,
            "decay_function": keras.optimizers.schedules.ExponentialDecay(0.5, 3, 0.8),
            "sigma": 1.5,
            "neighborhood_function": "bubble",
            "weights_initializer": "random_normal",
            "max_iterations": 50,
        },
        inputs=((5, 4),),
        paper="doi:10.1007/BF00337288",
        rejects=({"map_size": (3, 0)}, {"map_size": (3, 2, 2)}, *_NO_MAPS),
        rejects_inputs=_NO_SAMPLES,
        at_default={"rule": "the row of SOMLayer has the other one"},
        state=_MAP_STATE,
    ),
    Technique(
        layers.SOMLayer,
        {
            "grid_shape": (2, 3, 2),
            "input_dim": 4,
            "initial_learning_rate": 0.3,
            "decay_function": keras.optimizers.schedules.ExponentialDecay(0.5, 3, 0.8),
            "sigma": 1.5,
            "neighborhood_function": "bubble",
            "weights_initializer": "random_normal",
            "rule": "batch",
            "max_iterations": 50,
        },
        inputs=((5, 4),),
        paper="doi:10.1109/5.58325",
        rejects=({"grid_shape": (3, 0)}, {"grid_shape": ()}, {"grid_shape": 3}, *_NO_MAPS),
        rejects_inputs=_NO_SAMPLES,
        state=_MAP_STATE,
    ),
)
