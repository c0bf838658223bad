"""The ceilings of the machine: what it computes and moves per second at most."""

import keras

from bench.workloads.workload import Workload

CEILINGS = {"cpu": {"side": 1536}, "gpu": {"side": 8192}}
COPIES = {"cpu": {"elements": 2**25}, "gpu": {"elements": 2**28}}


WORKLOADS = (
    Workload(
        "matmul",
        "machine",
        lambda size: keras.layers.Dense(size["side"], use_bias=False),
        lambda size: [(size["side"], size["side"])],
        CEILINGS,
        lambda size: 2.0 * size["side"] ** 3,
        core="matmul",
    ),
    Workload(
        "copy",
        "machine",
        lambda size: keras.layers.Identity(),
        lambda size: [(size["elements"],)],
        COPIES,
        core="copy",
    ),
)
