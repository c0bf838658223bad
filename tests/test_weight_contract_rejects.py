"""The contract of weights under test: a sound technique of each kind passes, a broken one fails exactly its check."""

import keras
import numpy as np
import pytest
from keras import ops

from dl_techniques._serialization import serializable
from dl_techniques.catalogue import Technique
from tests.weight_contract import CHECKS


@serializable
class SoundPenalty(keras.regularizers.Regularizer):
    def __init__(self, scale=1.0):
        if scale <= 0:
            raise ValueError(f"`scale` must be > 0. Received: scale={scale}")
        self.scale = scale

    def __call__(self, x):
        if len(x.shape) != 2:
            raise ValueError(f"The weight must have rank 2. Received: shape={tuple(x.shape)}")
        return self.penalty(x)

    def penalty(self, x):
        return ops.cast(self.scale * ops.sum(ops.square(ops.cast(x, "float32"))), x.dtype)


@serializable
class SoundBound(keras.constraints.Constraint):
    def __init__(self, scale=1.0):
        self.scale = scale

    def __call__(self, w):
        return ops.clip(w, -self.scale, self.scale)


@serializable
class SoundDraw(keras.initializers.Initializer):
    def __init__(self, scale=1.0, seed=None):
        self.scale = scale
        self.seed = seed
        self._drawn_seed = np.random.default_rng().integers(2**31) if seed is None else seed

    def __call__(self, shape, dtype=None):
        drawn = np.random.default_rng(self._drawn_seed).standard_normal(shape)
        return ops.convert_to_tensor(self.scale * drawn, dtype=dtype or keras.config.floatx())


@serializable
class LosesAnArgument(SoundPenalty):
    @classmethod
    def from_config(cls, config):
        return cls()


@serializable
class LeavesAnArgumentOut(SoundPenalty):
    def __init__(self, unused=None, **arguments):
        super().__init__(**arguments)

    def get_config(self):
        return {"scale": self.scale}


@serializable
class AcceptsAnyScale(SoundPenalty):
    def __init__(self, scale=1.0):
        self.scale = scale


@serializable
class AcceptsAnyWeight(SoundPenalty):
    def __call__(self, x):
        return self.penalty(x)


@serializable
class ChangesTheWeight(SoundPenalty):
    """On torch, the only framework whose tensors can be changed."""

    def penalty(self, x):
        if keras.backend.backend() == "torch":
            from torch.compiler import is_compiling

            if not is_compiling():
                x.detach()[0] = 0.0
        return super().penalty(x[1:])


@serializable
class WidensThePenalty(SoundPenalty):
    def penalty(self, x):
        return ops.cast(super().penalty(x), "float32")


@serializable
class SumsInLowPrecision(SoundPenalty):
    def penalty(self, x):
        return self.scale * ops.sum(ops.square(x + 100 - 100))


@serializable
class BranchesOnAValue(SoundPenalty):
    def penalty(self, x):
        penalty = super().penalty(x)
        return penalty if penalty > 0 else 0 * penalty


@serializable
class PenalizesEachColumn(SoundPenalty):
    def penalty(self, x):
        return ops.sum(ops.square(x), axis=0)


@serializable
class HasNoGradientAtZero(SoundPenalty):
    def penalty(self, x):
        return ops.cast(ops.sqrt(ops.cast(super().penalty(x), "float32")), x.dtype)


@serializable
class GoesOnAndOn(SoundBound):
    def __call__(self, w):
        return 0.5 * w


@serializable
class IgnoresTheDtype(SoundDraw):
    def __call__(self, shape, dtype=None):
        return super().__call__(shape)


@serializable
class IgnoresItsSeed(SoundDraw):
    def __call__(self, shape, dtype=None):
        self._drawn_seed = 5
        return super().__call__(shape, dtype)


BROKEN = {
    LosesAnArgument: "config_survives_json",
    LeavesAnArgumentOut: "config_holds_every_argument",
    AcceptsAnyScale: "bad_arguments_are_rejected",
    AcceptsAnyWeight: "bad_shapes_are_rejected",
    ChangesTheWeight: "the_weight_is_not_changed",
    WidensThePenalty: "low_precision_keeps_its_dtype",
    SumsInLowPrecision: "low_precision_keeps_its_dtype",
    BranchesOnAValue: "jit_equals_eager",
    PenalizesEachColumn: "a_penalty_is_one_number",
    HasNoGradientAtZero: "the_gradient_is_finite",
    GoesOnAndOn: "twice_is_once",
    IgnoresTheDtype: "shape_and_dtype_are_those_asked_for",
    IgnoresItsSeed: "the_seed_decides_the_values",
}


def row_of(cls: type) -> Technique:
    penalty = issubclass(cls, SoundPenalty)
    return Technique(
        cls,
        {"scale": 0.5, **({"seed": 3} if issubclass(cls, SoundDraw) else {})},
        inputs=((4, 6),),
        paper="none",
        rejects=({"scale": -1.0},) if penalty else (),
        rejects_inputs=((4,),) if penalty else (),
    )


@pytest.mark.parametrize("cls", [SoundPenalty, SoundBound, SoundDraw], ids=lambda cls: cls.__name__)
def test_a_sound_technique_passes_every_check(cls: type):
    assert CHECKS.failing(row_of(cls)) == set()


@pytest.mark.parametrize("cls", BROKEN, ids=lambda cls: cls.__name__)
def test_a_broken_technique_fails_exactly_its_check(cls: type):
    harmless = cls is ChangesTheWeight and keras.backend.backend() != "torch"
    assert CHECKS.failing(row_of(cls)) == (set() if harmless else {BROKEN[cls]})


def test_every_check_is_seen_to_fail():
    assert {check.__name__ for check in CHECKS} == set(BROKEN.values())
