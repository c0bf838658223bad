"""A made-up run of `bench.numerics`, of one technique on which all backends agree."""

from pathlib import Path

import numpy as np

from bench.analysis.tables import agreement
from bench.numerics.run_folder import Settings, plan, write_arrays, write_json

BACKENDS = ("tensorflow", "jax", "torch")
TENSORS = ("inference/output", "inference/gradient of input", "inference/gradient of kernel")
ULP = 2.0**-23


def random(seed):
    return np.random.default_rng(seed)


class Folder:
    """A test changes an array or a note, and writes it."""

    def __init__(self, path: Path, *, device: str = "cpu", dtypes: tuple[str, ...] = ("float32",), seed=0, **about):
        self.path = path
        self.settings = Settings(device=device, dtypes=dtypes)
        self.about = {"technique": "Norm", "paper": "none", "random": False, "finite": [], "tolerances": {}, **about}
        self.about = {"phases": ["inference"], "hostile": [], **self.about}
        self.cases = {"input 0": random(9).standard_normal((4, 6)).astype("float32")}
        exact = {name: random(i).standard_normal((4, 6)) for i, name in enumerate(TENSORS)}
        noise = {name: 0.6 * ULP * np.abs(value) for name, value in exact.items()}
        oracle = {f"exact/{name}": value for name, value in exact.items()}
        self.arrays = {
            "jax-float64": {**oracle, **{f"noise/{name}": value for name, value in noise.items()}},
            "tensorflow-float64": {name: value * (1 + 1e-15) for name, value in oracle.items()},
        }
        slopes = {"inference": {"1e-06": [1.0, 1.0 + 1e-8, 1.0], "1e-09": [1.0, 1.0 + 1e-5, 1.0]}}
        self.notes = {name: {"failures": {}, "narrow": {"inference": []}, "slopes": slopes} for name in self.arrays}
        for i, backend in enumerate(BACKENDS):
            worker = f"{backend}-{device}"
            draw = random((seed, i))
            self.arrays[worker] = {
                f"{mode}/{name}": (value * (1 + ULP * draw.uniform(-1, 1, value.shape))).astype("float32")
                for mode in ("eager", "jit")
                for name, value in exact.items()
            }
            self.notes[worker] = {"failures": {}}

    def drop(self, backend: str) -> None:
        """Leaves a backend out of the run."""
        for worker in [worker for worker in self.arrays if worker.startswith(backend)]:
            del self.arrays[worker], self.notes[worker]

    def write(self) -> Path:
        self.settings.save(self.path)
        plan(self.path, [*self.arrays])
        write_json(self.path / "cases" / "Norm.json", self.about)
        for dtype in self.settings.dtypes:
            write_arrays(self.path / "cases" / dtype / "Norm.npz", self.cases)
            for worker, arrays in self.arrays.items():
                write_json(self.path / worker / "facts.json", {"keras_version": "3", "techniques": ["Norm"]})
                write_arrays(self.path / worker / dtype / "Norm.npz", arrays)
                write_json(self.path / worker / dtype / "Norm.json", self.notes[worker])
        return self.path

    def judge(self):
        return agreement.judge(agreement.read(self.write()))[0]

    def disagreements(self):
        frame = self.judge()
        return frame[frame["verdict"] == "disagree"]
