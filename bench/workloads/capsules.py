"""Capsules: dynamic routing, at the sizes of the digits' network."""

from bench.workloads.workload import Shape, Size, Workload
from dl_techniques import layers

ITERATIONS = 3
CAPSULES = {
    "small": {"batch": 2, "inputs": 288, "input_dim": 8, "outputs": 10, "output_dim": 16},
    "medium": {"batch": 8, "inputs": 1152, "input_dim": 8, "outputs": 10, "output_dim": 16},  # the paper's network
    "large": {"batch": 64, "inputs": 1152, "input_dim": 8, "outputs": 10, "output_dim": 16},
    "gpu": {"batch": 2048, "inputs": 1152, "input_dim": 8, "outputs": 10, "output_dim": 16},
}


def capsules(size: Size) -> list[Shape]:
    return [(size["batch"], size["inputs"], size["input_dim"])]


def routing_flops(size: Size) -> float:
    """The predictions once; a weighted sum in each iteration, an agreement between them."""
    pairs = size["batch"] * size["inputs"] * size["outputs"]
    passes = size["input_dim"] + 2 * ITERATIONS - 1
    return 2.0 * pairs * size["output_dim"] * passes


def routing(size: Size) -> layers.RoutingCapsule:
    return layers.RoutingCapsule(size["outputs"], size["output_dim"], routing_iterations=ITERATIONS)


WORKLOADS = (
    Workload(
        "routing_capsule", "capsules", routing, capsules, CAPSULES, routing_flops, native="native_routing_capsule"
    ),
    Workload(
        "native_routing_capsule",
        "capsules",
        routing,
        capsules,
        CAPSULES,
        routing_flops,
        core="capsule_routing",
        options={"iterations": ITERATIONS},
    ),
)
