"""What is measured: one file a family, with the sizes, operations and yardsticks of its rows beside them.

In: the layers of the library, Keras' own, native cores. Out: `WORKLOADS`. Nothing here measures.
A file of your own with a list `WORKLOADS` is measured the same way: `--workloads my_workloads.py`.
"""

from bench.workloads import (
    attention,
    capsules,
    clustering,
    convolution,
    embedding,
    feed_forward,
    image,
    kan,
    losses,
    machine,
    normalization,
    regularization,
    tensor_networks,
)
from bench.workloads.workload import Workload as Workload

WORKLOADS: tuple[Workload, ...] = (
    *machine.WORKLOADS,
    *normalization.WORKLOADS,
    *attention.WORKLOADS,
    *feed_forward.WORKLOADS,
    *convolution.WORKLOADS,
    *embedding.WORKLOADS,
    *regularization.WORKLOADS,
    *capsules.WORKLOADS,
    *kan.WORKLOADS,
    *tensor_networks.WORKLOADS,
    *image.WORKLOADS,
    *clustering.WORKLOADS,
    *losses.WORKLOADS,
)
