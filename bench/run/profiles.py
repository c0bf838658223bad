"""How much is measured. Standard library only: the supervisor reads it without importing a framework."""

from dataclasses import dataclass
from typing import Any

DEVICES = ("cpu", "gpu", "all")
SETTINGS = ("profile", "workloads", "launches", "seconds", "threads", "precision", "limit", "keyword")


@dataclass(frozen=True)
class Profile:
    """One choice of cells and effort.

    Args:
        workloads: names, or empty for all.
        sizes: labels, or empty for all, sweeps included. A size that is named after a device is for that device only.
        dtypes: dtypes of weights, inputs and computation; float16 on GPUs only.
        modes: of those that the backend has.
        launches: processes that measure every cell once; the first compiles cold, the others warm.
        seconds: time to spend on the rounds of one cell in one process.
        limit_s: time after which a case is given up.
    """

    workloads: tuple[str, ...]
    sizes: tuple[str, ...]
    dtypes: tuple[str, ...]
    modes: tuple[str, ...]
    launches: int
    seconds: float
    limit_s: float


SMOKE = (
    *("rms_norm", "native_rms_norm", "group_query_attention", "native_group_query_attention"),
    *("convnext_v2_block", "keras_depthwise_conv2d", "native_depthwise_conv2d"),
)

CORES = (
    *("rms_norm", "band_rms", "global_response_norm", "keras_rms_normalization"),
    *("multi_head_self_attention", "group_query_attention", "differential_attention", "window_attention"),
    *("non_local_attention", "keras_multi_head_attention"),
    *("convnext_v2_block", "depthwise_conv2d", "squeeze_excitation", "keras_depthwise_conv2d"),
)
"""Attention, normalization and convolution; their native counterparts come with them."""
USERS = ("eager", "jit")
ALL = (*USERS, "graph")
FLOATS = ("float32", "bfloat16", "float16")

PROFILES = {
    "smoke": Profile(SMOKE, ("small",), ("float32",), USERS, launches=1, seconds=0.3, limit_s=180),
    "default": Profile(CORES, ("medium",), ("float32",), USERS, launches=3, seconds=0.15, limit_s=180),
    "catalogue": Profile((), ("medium",), ("float32",), ALL, launches=3, seconds=0.15, limit_s=180),
    "large": Profile((), ("large", "gpu"), FLOATS, ALL, launches=3, seconds=0.3, limit_s=300),
    "full": Profile((), (), FLOATS, ALL, launches=5, seconds=1.0, limit_s=600),
}


def settings(source: Any) -> dict[str, Any]:
    """What decides how a launch measures, from anything that has these attributes; results keep it."""
    return {name: getattr(source, name) for name in SETTINGS}
