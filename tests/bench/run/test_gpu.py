"""What the driver tells, with a made-up driver; `tests.bench.run.test_on_gpu` asks a real one."""

import sys
from types import SimpleNamespace

import pytest

from backends.protocol import Program
from bench.run import gpu, measure


class NVMLError(Exception):
    pass


class Nvml:
    """The part of pynvml that is used, for two GPUs; what is in `unknown` raises."""

    NVMLError = NVMLError
    NVML_CLOCK_SM, NVML_CLOCK_MEM, NVML_TEMPERATURE_GPU = 1, 2, 0

    def __init__(self):
        self.unknown = set()
        self.opened = None
        self.reasons = 0x1

    def __getattribute__(self, name):
        if name.startswith("nvml") and name in object.__getattribute__(self, "unknown"):
            return self.refuse
        return object.__getattribute__(self, name)

    def refuse(self, *arguments):
        raise NVMLError("not supported")

    def nvmlInit(self):
        pass

    def nvmlDeviceGetHandleByIndex(self, index):
        self.opened = index
        return "handle"

    nvmlDeviceGetHandleByUUID = nvmlDeviceGetHandleByIndex

    def nvmlSystemGetDriverVersion(self):
        return "580.95.05"

    def nvmlDeviceGetMemoryInfo(self, handle):
        return SimpleNamespace(total=150 * 2**30)

    def nvmlDeviceGetEnforcedPowerLimit(self, handle):
        return 700_000

    def nvmlDeviceGetMaxClockInfo(self, handle, kind):
        return {1: 1980}[kind]

    def nvmlDeviceGetClockInfo(self, handle, kind):
        return {1: 1755, 2: 3201}[kind]

    def nvmlDeviceGetPowerUsage(self, handle):
        return 512_500

    def nvmlDeviceGetTemperature(self, handle, sensor):
        return {0: 61}[sensor]

    def nvmlDeviceGetCurrentClocksThrottleReasons(self, handle):
        return self.reasons


@pytest.fixture
def nvml(monkeypatch):
    fake = Nvml()
    monkeypatch.setitem(sys.modules, "pynvml", fake)
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    gpu._open.cache_clear()
    yield fake
    gpu._open.cache_clear()


def test_facts_and_state(nvml):
    assert gpu.facts() == {
        "driver": "580.95.05",
        "gpu_memory_bytes": 150 * 2**30,
        "gpu_power_limit_w": 700,
        "gpu_clock_limit_mhz": 1980,
    }
    nvml.reasons = 0x1 | 0x4 | 0x40
    assert gpu.state() == {
        "clock_mhz": 1755,
        "memory_clock_mhz": 3201,
        "power_w": 512.5,
        "temperature_c": 61,
        "slowed_by": ["power cap", "hardware temperature"],
    }
    assert nvml.opened == 0


@pytest.mark.parametrize(("visible", "opened"), [("3", 3), ("1,0", 1), ("GPU-8f2c", "GPU-8f2c")])
def test_the_gpu_is_the_one_that_the_process_sees(nvml, monkeypatch, visible, opened):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible)
    assert gpu.facts()
    assert nvml.opened == opened


def test_what_a_gpu_does_not_know_is_left_out(nvml):
    nvml.unknown = {"nvmlDeviceGetEnforcedPowerLimit", "nvmlDeviceGetCurrentClocksThrottleReasons"}
    assert set(gpu.facts()) == {"driver", "gpu_memory_bytes", "gpu_clock_limit_mhz"}
    assert "slowed_by" not in gpu.state()
    assert gpu.change(gpu.state(), gpu.state())["slowed_by"] == ""


@pytest.mark.parametrize("unknown", ["nvmlInit", "nvmlDeviceGetHandleByIndex"])
def test_without_a_driver_nothing_is_told(nvml, unknown):
    nvml.unknown = {unknown}
    assert gpu.facts() == gpu.state() == {}


def test_without_the_package_nothing_is_told(nvml, monkeypatch):
    monkeypatch.setitem(sys.modules, "pynvml", None)
    assert gpu.facts() == gpu.state() == gpu.change(gpu.state(), gpu.state()) == {}


def test_a_cell_keeps_what_slowed_the_gpu_before_or_after_its_rounds():
    before = {"clock_mhz": 345, "slowed_by": ["temperature"]}
    after = {"clock_mhz": 1755, "slowed_by": ["power cap"]}
    assert gpu.change(before, after) == {
        "gpu_clock_mhz": 1755,
        "slowed_by": "power cap, temperature",
        "gpu_before": before,
        "gpu_after": after,
    }


@pytest.mark.parametrize("device", ["cpu", "gpu"])
def test_the_state_is_read_before_and_after_the_rounds(monkeypatch, device):
    happened = []

    class Benchmark:
        stats = SimpleNamespace(stats=SimpleNamespace(data=[1.0, 1.0, 1.0]))

        def pedantic(self, step, rounds, iterations):
            happened.append("rounds")

    def state():
        happened.append("state")
        return {"clock_mhz": 1000 * len(happened), "slowed_by": []}

    monkeypatch.setattr(gpu, "state", state)
    step = measure.Step(SimpleNamespace(wait=lambda results: None), Program(run=lambda: None))
    told = measure.measure(Benchmark(), step, device=device, seconds=0.01, launches=3, asker=None)
    assert happened == (["state", "rounds", "state"] if device == "gpu" else ["rounds"])
    assert told.get("gpu_clock_mhz") == (3000 if device == "gpu" else None)
