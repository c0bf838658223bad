"""What scales or drops a residual branch."""

from bench.workloads.sizes import ROWS, per_element, tokens
from bench.workloads.workload import Workload
from dl_techniques import layers

WORKLOADS = (
    Workload("layer_scale", "regularization", lambda size: layers.LayerScale(), tokens, ROWS, per_element(1, tokens)),
    Workload(
        "stochastic_depth",
        "regularization",
        lambda size: layers.StochasticDepth(0.1),
        tokens,
        ROWS,
        per_element(1, tokens),
    ),
)
