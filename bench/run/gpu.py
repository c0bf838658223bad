"""What NVIDIA's driver says of the GPU. Without the package nvidia-ml-py, and where nobody knows, it says nothing."""

import contextlib
import functools
import os
from collections.abc import Callable, Mapping
from typing import Any

SLOWED_BY = {
    "clock setting": 0x2,
    "power cap": 0x4,
    "hardware": 0x8,
    "sync boost": 0x10,
    "temperature": 0x20,
    "hardware temperature": 0x40,
    "power brake": 0x80,
}
"""Why the clocks are lower than they could be: bits of nvml.h, without that of an idle GPU."""

Question = Callable[[Any, Any], Any]

FACTS: Mapping[str, Question] = {
    "driver": lambda nvml, gpu: nvml.nvmlSystemGetDriverVersion(),
    "gpu_memory_bytes": lambda nvml, gpu: nvml.nvmlDeviceGetMemoryInfo(gpu).total,
    "gpu_power_limit_w": lambda nvml, gpu: nvml.nvmlDeviceGetEnforcedPowerLimit(gpu) / 1000,
    "gpu_clock_limit_mhz": lambda nvml, gpu: nvml.nvmlDeviceGetMaxClockInfo(gpu, nvml.NVML_CLOCK_SM),
}
STATE: Mapping[str, Question] = {
    "clock_mhz": lambda nvml, gpu: nvml.nvmlDeviceGetClockInfo(gpu, nvml.NVML_CLOCK_SM),
    "memory_clock_mhz": lambda nvml, gpu: nvml.nvmlDeviceGetClockInfo(gpu, nvml.NVML_CLOCK_MEM),
    "power_w": lambda nvml, gpu: nvml.nvmlDeviceGetPowerUsage(gpu) / 1000,
    "temperature_c": lambda nvml, gpu: nvml.nvmlDeviceGetTemperature(gpu, nvml.NVML_TEMPERATURE_GPU),
    "slowed_by": lambda nvml, gpu: _reasons(nvml.nvmlDeviceGetCurrentClocksThrottleReasons(gpu)),
}


def facts() -> dict[str, Any]:
    """Returns what does not change while a process runs."""
    return _ask(FACTS)


def state() -> dict[str, Any]:
    """Returns clocks, power, temperature and what slows the GPU down at this moment."""
    return _ask(STATE)


def change(before: dict[str, Any], after: dict[str, Any]) -> dict[str, Any]:
    """Returns what a cell keeps of the GPU's states before and after its rounds."""
    if not after:
        return {}
    slowed_by = {reason for state in (before, after) for reason in state.get("slowed_by", ())}
    return {
        "gpu_clock_mhz": after.get("clock_mhz"),
        "slowed_by": ", ".join(sorted(slowed_by)),
        "gpu_before": before,
        "gpu_after": after,
    }


def _ask(questions: Mapping[str, Question]) -> dict[str, Any]:
    nvml, gpu = _open()
    answers: dict[str, Any] = {}
    for name, question in questions.items() if nvml else ():
        with contextlib.suppress(nvml.NVMLError):  # not every GPU knows everything
            answers[name] = question(nvml, gpu)
    return answers


@functools.cache
def _open() -> tuple[Any, Any]:
    """Returns the package and its handle of the first GPU that this process sees; twice None without them."""
    try:
        import pynvml as nvml
    except ImportError:
        return None, None
    visible = os.environ.get("CUDA_VISIBLE_DEVICES", "0").split(",")[0]
    try:
        nvml.nvmlInit()
        by = nvml.nvmlDeviceGetHandleByIndex if visible.isdigit() else nvml.nvmlDeviceGetHandleByUUID
        return nvml, by(int(visible) if visible.isdigit() else visible)
    except nvml.NVMLError:
        return None, None


def _reasons(bits: int) -> list[str]:
    return [reason for reason, bit in SLOWED_BY.items() if bits & bit]
