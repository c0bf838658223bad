"""The contract of optimization under test: sound techniques pass, a broken one fails exactly its checks."""

import keras
import pytest
from keras import ops

from dl_techniques._serialization import serializable
from dl_techniques.catalogue import Technique
from tests.optimization_contract import CHECKS


@serializable
class SoundSchedule(keras.optimizers.schedules.LearningRateSchedule):
    def __init__(self, rate=0.1):
        super().__init__()
        if rate <= 0:
            raise ValueError(f"`rate` must be > 0. Received: rate={rate}")
        self.rate = rate

    def __call__(self, step):
        return self.rate / (1 + ops.cast(step, "float32"))


@serializable
class SoundOptimizer(keras.optimizers.SGD):
    def __init__(self, rate=0.1, name="sound"):
        super().__init__(rate, momentum=0.9, name=name)
        self.rate = rate

    def get_config(self):
        return {"rate": self.rate, "name": self.name}


@serializable
class SoundCallback(keras.callbacks.Callback):
    def __init__(self, rate=0.1):
        super().__init__()
        self.rate = rate

    def on_epoch_begin(self, epoch, logs=None):
        self.model.weights_of_outputs.assign([self.rate * epoch, 1.0])


@serializable
class LosesTheRate(SoundSchedule):
    @classmethod
    def from_config(cls, config):
        return cls()


@serializable
class LeavesWhatIsUnusedOut(SoundSchedule):
    def __init__(self, unused=None, **arguments):
        super().__init__(**arguments)

    def get_config(self):
        return {"rate": self.rate}


@serializable
class AcceptsAnyRate(SoundSchedule):
    def __init__(self, rate=0.1):
        self.rate = rate


@serializable
class CountsItsCalls(SoundSchedule):
    def __init__(self, rate=0.1):
        super().__init__(rate)
        self.calls = 0

    def __call__(self, step):
        self.calls += 1
        return super().__call__(self.calls)


@serializable
class FallsBelowZero(SoundSchedule):
    def __call__(self, step):
        return super().__call__(step) - 1e-4


@serializable
class KnowsNumbersOnly(SoundSchedule):
    def __call__(self, step):
        return super().__call__(step) * (1.0 if isinstance(step, int) else 2.0)


@serializable
class BranchesOnTheStep(SoundSchedule):
    def __call__(self, step):
        return super().__call__(step) if step > 5 else super().__call__(2 * step)


@serializable
class FollowsThePolicy(SoundSchedule):
    def __call__(self, step):
        return ops.cast(super().__call__(step), keras.config.dtype_policy().compute_dtype)


@serializable
class OverflowsIn16Bits(SoundOptimizer):
    def apply(self, grads, trainable_variables=None):
        super().apply([1e-5 * (1e5 * grad) for grad in grads], trainable_variables)


@serializable
class MovesMoreWhenCompiled(SoundOptimizer):
    def apply(self, grads, trainable_variables=None):
        factor = 2 if is_traced(grads[0]) else 1
        super().apply([factor * grad for grad in grads], trainable_variables)


def is_traced(tensor) -> bool:
    return "Tracer" in type(tensor).__name__ or "SymbolicTensor" in type(tensor).__name__


@serializable
class CountsItsEpochs(SoundCallback):
    def __init__(self, rate=0.1):
        super().__init__(rate)
        self.epochs = 0

    def on_epoch_begin(self, epoch, logs=None):
        super().on_epoch_begin(self.epochs)
        self.epochs += 1


@serializable
class DoesNothing(SoundCallback):
    def on_epoch_begin(self, epoch, logs=None):
        pass


class Unregistered(SoundSchedule):
    pass


BROKEN = {
    LosesTheRate: {"config_survives_json", "a_training_that_was_cut_goes_on"},
    LeavesWhatIsUnusedOut: {"config_holds_every_argument"},
    AcceptsAnyRate: {"bad_arguments_are_rejected"},
    Unregistered: {"config_survives_json", "a_training_that_was_cut_goes_on"},
    CountsItsCalls: {
        "config_survives_json",
        "the_step_decides_the_rate",
        "a_step_of_any_kind_will_do",
        "compiled_equals_eager",
        "a_training_that_was_cut_goes_on",
    },
    FallsBelowZero: {"the_rate_is_one_number"},
    KnowsNumbersOnly: {"a_step_of_any_kind_will_do"},
    BranchesOnTheStep: {"compiled_equals_eager", "a_training_that_was_cut_goes_on"},
    FollowsThePolicy: {"low_precision_changes_nothing"},
    OverflowsIn16Bits: {"low_precision_changes_nothing"},
    MovesMoreWhenCompiled: {"compiled_training_equals_eager"},
    CountsItsEpochs: {"a_training_that_was_cut_goes_on"},
    DoesNothing: {"it_changes_the_training"},
}
# Where nothing is compiled.
HARMLESS = {
    (BranchesOnTheStep, "tensorflow"): {"a_training_that_was_cut_goes_on"},
    (BranchesOnTheStep, "torch"): {"a_training_that_was_cut_goes_on"},
    (MovesMoreWhenCompiled, "torch"): {"compiled_training_equals_eager"},
}


def row_of(cls: type) -> Technique:
    rejects = ({"rate": -1.0},) if issubclass(cls, SoundSchedule) else ()
    named = {"name": "given"} if issubclass(cls, SoundOptimizer) else {}
    return Technique(cls, {"rate": 0.05, **named}, inputs=(), paper="none", rejects=rejects)


@pytest.mark.parametrize("cls", [SoundSchedule, SoundOptimizer, SoundCallback], ids=lambda cls: cls.__name__)
def test_a_sound_technique_passes_every_check(cls: type):
    assert CHECKS.failing(row_of(cls)) == set()


@pytest.mark.parametrize("cls", BROKEN, ids=lambda cls: cls.__name__)
def test_a_broken_technique_fails_exactly_its_checks(cls: type):
    assert CHECKS.failing(row_of(cls)) == BROKEN[cls] - HARMLESS.get((cls, keras.backend.backend()), set())


def test_every_check_is_seen_to_fail():
    assert {check.__name__ for check in CHECKS} == set().union(*BROKEN.values())
