"""Embeddings of positions."""

from bench.workloads.sizes import ROWS, per_element
from bench.workloads.workload import Shape, Size, Workload
from dl_techniques import layers


def heads(size: Size) -> list[Shape]:
    return [(size["batch"], size["heads"], size["tokens"], size["width"] // size["heads"])]


WORKLOADS = (
    Workload(
        "rotary_position_embedding",
        "embedding",
        lambda size: layers.RotaryPositionEmbedding(size["width"] // size["heads"], size["tokens"]),
        heads,
        ROWS,
        per_element(3, heads),
    ),
)
