"""Workloads that misbehave, each in one way, for the tests of the supervisor.

`EXPECTED` says how the cases of each must end. Whatever one does, those after it are measured.
"""

import os
import signal
import subprocess
import sys
import threading
import time

import keras
import numpy as np

import backends
from bench.workloads import Workload


class Fine(keras.layers.Layer):
    def call(self, inputs, training=None):
        return inputs * 2.0

    def compute_output_shape(self, input_shape):
        return input_shape


class Crash(Fine):
    def call(self, inputs, training=None):
        os.kill(os.getpid(), signal.SIGKILL)


class Hang(Fine):
    def call(self, inputs, training=None):
        time.sleep(1000)


class StubbornHang(Fine):
    """One that does not listen when it is asked to stop."""

    def call(self, inputs, training=None):
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        time.sleep(1000)


class OutOfMemory(Fine):
    def call(self, inputs, training=None):
        raise MemoryError("cannot allocate 4 TiB")


class Broken(Fine):
    def call(self, inputs, training=None):
        raise ValueError("the layer is broken\nin more than one line")


class LostDevice(Fine):
    """As after an illegal access on a GPU: nothing can be computed any more."""

    def call(self, inputs, training=None):
        backends.active().tensor = None
        raise RuntimeError("an illegal memory access was encountered")


class Interrupting(Fine):
    def call(self, inputs, training=None):
        raise KeyboardInterrupt


class SystemExits(Fine):
    def call(self, inputs, training=None):
        sys.exit(0)


class LeavesThread(Fine):
    def build(self, input_shape):
        threading.Thread(target=time.sleep, args=(1000,)).start()


class LeavesChild(Fine):
    SECONDS = 98765

    def build(self, input_shape):
        subprocess.Popen([sys.executable, "-c", f"import time; time.sleep({self.SECONDS})"])


class LeavesSession(Fine):
    """A child that no signal to the launch's group reaches."""

    SECONDS = 98764

    def build(self, input_shape):
        code = f"import time; time.sleep({self.SECONDS})"
        subprocess.Popen([sys.executable, "-c", code], start_new_session=True)


class Talks(Fine):
    def call(self, inputs, training=None):
        print("x" * 5_000_000)
        return inputs * 2.0


class ChangesPolicy(Fine):
    def call(self, inputs, training=None):
        keras.config.set_dtype_policy("float16")
        keras.config.set_floatx("float64")
        return inputs * 2.0


class ChangesPlace(Fine):
    def call(self, inputs, training=None):
        os.chdir("/")
        os.environ["KERAS_BACKEND"] = "theano"
        return inputs * 2.0


class ClosesOutput(Fine):
    def call(self, inputs, training=None):
        os.close(1)
        return inputs * 2.0


class Pair(Fine):
    def call(self, inputs, training=None):
        return inputs * 2.0, inputs * 3.0


class Named(Fine):
    def call(self, inputs, training=None):
        return {"double": inputs * 2.0, "triple": inputs * 3.0}


class Nothing(Fine):
    def call(self, inputs, training=None):
        return None


class NotANumber(Fine):
    def call(self, inputs, training=None):
        return inputs * float("nan")


class Tokens(keras.layers.Embedding):
    def __init__(self):
        super().__init__(9, 4)


class Masked(Fine):
    def build(self, input_shape, mask_shape):
        super().build(input_shape)

    def call(self, inputs, mask, training=None):
        return keras.ops.where(mask, inputs, 0.0)

    def compute_output_shape(self, input_shape, mask_shape):
        return input_shape


class Exits(Fine):
    def __init__(self, code: int):
        super().__init__()
        self.code = code

    def call(self, inputs, training=None):
        os._exit(self.code)


def workload(layer: type[keras.layers.Layer], **options) -> Workload:
    name = options.pop("name", layer.__name__.lower())
    arguments = options.pop("arguments", ())
    inputs = options.pop("inputs", 1)
    sizes = {"tiny": {"width": 4}}
    return Workload(
        name, "hostile", lambda size: layer(*arguments), lambda size: [(size["width"],)] * inputs, sizes, **options
    )


def _raise(size):
    raise ZeroDivisionError("of no operations")


EXPECTED = {
    **dict.fromkeys(("fine", "talks", "pair", "named", "notanumber", "numpyflops", "tokens", "masked"), "ok"),
    **dict.fromkeys(("leavesthread", "leaveschild", "leavessession", "changespolicy", "changesplace"), "ok"),
    **dict.fromkeys(("broken", "lostdevice", "systemexits", "nothing", "closesoutput"), "failed"),
    **dict.fromkeys(("nanflops", "infiniteflops", "textflops", "raisingflops"), "failed"),
    **dict.fromkeys(("crash", "interrupting", *(f"exits{code}" for code in range(10))), "crashed"),
    **dict.fromkeys(("hang", "stubbornhang"), "timeout"),
    **dict.fromkeys(("untold", "unknowndtype"), "failed"),
    "outofmemory": "out_of_memory",
}
COSTLY = {"stubbornhang", "interrupting", *(f"exits{code}" for code in range(10) if code != 4)}
"""Each takes a process of its own, and differs little from one that is left."""

WORKLOADS = [
    *map(workload, (Fine, Crash, Hang, StubbornHang, OutOfMemory, Broken, LostDevice, Interrupting, SystemExits)),
    *map(workload, (LeavesThread, LeavesChild, LeavesSession, Talks, ChangesPolicy, ChangesPlace, ClosesOutput)),
    *map(workload, (Pair, Named, Nothing, NotANumber)),
    *(workload(Exits, name=f"exits{code}", arguments=(code,)) for code in range(10)),
    workload(Tokens, integers=[("int32", 0, 9)]),
    workload(Masked, inputs=2, integers=[None, ("bool", 0, 2)]),
    workload(Masked, name="untold", inputs=2, integers=[("bool", 0, 2)]),
    workload(Tokens, name="unknowndtype", integers=[("int33", 0, 9)]),
    workload(Fine, name="numpyflops", flops=lambda size: np.int64(8)),
    workload(Fine, name="nanflops", flops=lambda size: float("nan")),
    workload(Fine, name="infiniteflops", flops=lambda size: float("inf")),
    workload(Fine, name="textflops", flops=lambda size: "8"),
    workload(Fine, name="raisingflops", flops=_raise),
]
