"""Workloads that know on which side of a comparison they run, by the name of their checkout."""

import os
import signal
import time
from pathlib import Path

import keras

from bench.workloads import Workload

ON_HEAD = Path.cwd().name == "head"


class Steady(keras.layers.Layer):
    SECONDS = 0.004

    def call(self, inputs, training=None):
        time.sleep(self.SECONDS)
        return inputs * 2.0

    def compute_output_shape(self, input_shape):
        return input_shape


class Slowed(Steady):
    SECONDS = 0.006 if ON_HEAD else 0.004


class Crashing(Steady):
    def call(self, inputs, training=None):
        if ON_HEAD:
            os.kill(os.getpid(), signal.SIGKILL)
        return super().call(inputs)


class Raising(Steady):
    def call(self, inputs, training=None):
        if ON_HEAD:
            raise ValueError("head cannot do this")
        return super().call(inputs)


class Added(Steady):
    pass


def workload(layer: type[keras.layers.Layer]) -> Workload:
    name = layer.__name__.lower()
    return Workload(name, "sided", lambda size: layer(), lambda size: [(size["width"],)], {"tiny": {"width": 4}})


WORKLOADS = [workload(layer) for layer in (Steady, Slowed, Crashing, Raising, *([Added] if ON_HEAD else []))]
