"""The contract of losses and metrics under test: a sound one passes, a broken one fails exactly its checks."""

import keras
import pytest
from keras import ops

from dl_techniques._checks import check_same_shape
from dl_techniques._precision import at_least_float32
from dl_techniques._serialization import serializable
from dl_techniques.catalogue import Technique
from dl_techniques.catalogue.values import binary, probabilities
from tests.training_contract import CHECKS


@serializable
class SoundLoss(keras.losses.Loss):
    def __init__(self, scale=1.0, from_logits=False, reduction="sum_over_batch_size", name="sound", **kwargs):
        super().__init__(name=name, reduction=reduction, **kwargs)
        if scale <= 0:
            raise ValueError(f"`scale` must be > 0. Received: scale={scale}")
        self.scale = scale
        self.from_logits = from_logits

    def call(self, y_true, y_pred):
        check_same_shape(y_true, y_pred)
        y_true, y_pred = self.widened(y_true), self.widened(y_pred)
        return self.values(y_true, ops.sigmoid(y_pred) if self.from_logits else y_pred)

    def widened(self, x):
        return at_least_float32(x)

    def values(self, y_true, y_pred):
        return self.scale * ops.mean(ops.square(y_true - y_pred), axis=-1)


@serializable
class SoundMetric(keras.metrics.Metric):
    def __init__(self, scale=1.0, name="sound", **kwargs):
        super().__init__(name=name, **kwargs)
        self.scale = scale
        self.total = self.add_variable((), "zeros", name="total")
        self.weight = self.add_variable((), "zeros", name="weight")

    def update_state(self, y_true, y_pred, sample_weight=None):
        y_true, y_pred = self.widened(y_true), self.widened(y_pred)
        values = self.values(ops.mean(ops.square(y_true - y_pred), axis=-1))
        weights = ops.ones_like(values) if sample_weight is None else ops.convert_to_tensor(sample_weight)
        self.count(values, ops.cast(weights, values.dtype))

    def widened(self, x):
        return ops.cast(x, "float32")

    def values(self, errors):
        return self.scale * errors

    def count(self, values, weights):
        self.total.assign_add(ops.cast(ops.sum(values * weights), "float32"))
        self.weight.assign_add(ops.cast(ops.sum(weights), "float32"))

    def result(self):
        return ops.divide_no_nan(self.total, self.weight)


@serializable
class ChangesItsConfig(SoundLoss):
    @classmethod
    def from_config(cls, config):
        return cls(**{**config, "name": config["name"] + "_again"})


@serializable
class LeavesOutAnArgument(SoundLoss):
    def __init__(self, unused=None, **arguments):
        super().__init__(**arguments)

    def get_config(self):
        return SoundLoss.get_config(self)


@serializable
class TakesAnyScale(SoundLoss):
    def __init__(self, scale=1.0, from_logits=False, **kwargs):
        super().__init__(1.0, from_logits, **kwargs)
        self.scale = scale


@serializable
class TakesAnyShape(SoundLoss):
    def call(self, y_true, y_pred):
        return self.values(self.widened(y_true), self.widened(y_pred))


@serializable
class GivesAValueForEachPixel(SoundLoss):
    def values(self, y_true, y_pred):
        return self.scale * ops.square(y_true - y_pred)


@serializable
class LooksAtItsNeighbours(SoundLoss):
    def values(self, y_true, y_pred):
        values = super().values(y_true, y_pred)
        return values / (1 + ops.mean(values))


@serializable
class ComputesNarrowly(SoundLoss):
    def widened(self, x):
        return x


@serializable
class HasNoGradient(SoundLoss):
    def values(self, y_true, y_pred):
        return super().values(y_true, ops.stop_gradient(y_pred) + 0 * y_pred)


@serializable
class Overflows(SoundLoss):
    def values(self, y_true, y_pred):
        return super().values(y_true, y_pred) + 1e-9 * ops.mean(ops.exp(y_pred), axis=-1)


@serializable
class DividesByTheBatch(SoundLoss):
    def values(self, y_true, y_pred):
        values = super().values(y_true, y_pred)
        return ops.sum(values) / ops.sum(ops.ones_like(values))


@serializable
class IsNeverContent(SoundLoss):
    def values(self, y_true, y_pred):
        return super().values(y_true, y_pred) + 1e-3


@serializable
class DecidesByAValue(SoundLoss):
    def values(self, y_true, y_pred):
        values = super().values(y_true, y_pred)
        return values + 0 if self.reduction == "none" and ops.max(values) > 0.5 else values


@serializable
class NamesItsResultAnew(SoundMetric):
    def result(self):
        return {f"of {id(self)}": super().result()}


@serializable
class AveragesAverages(SoundMetric):
    def count(self, values, weights):
        self.total.assign_add(ops.divide_no_nan(ops.sum(values * weights), ops.sum(weights)))
        self.weight.assign_add(ops.cast(ops.size(values) > 0, "float32"))


@serializable
class IgnoresWeights(SoundMetric):
    def count(self, values, weights):
        super().count(values, ops.ones_like(weights))


@serializable
class NeverStartsAgain(SoundMetric):
    def reset_state(self):
        pass


@serializable
class StartsAtOne(SoundMetric):
    def result(self):
        return ops.where(self.weight == 0, 1.0, super().result())


@serializable
class MeasuresInLowPrecision(SoundMetric):
    def widened(self, x):
        return ops.convert_to_tensor(x)


@serializable
class MeasuresTheInfinite(SoundMetric):
    def values(self, errors):
        return ops.exp(errors)


BROKEN = {
    ChangesItsConfig: {"config_survives_json"},
    LeavesOutAnArgument: {"config_holds_every_argument"},
    TakesAnyScale: {"bad_arguments_are_rejected"},
    TakesAnyShape: {"bad_shapes_are_rejected"},
    GivesAValueForEachPixel: {"one_value_an_example_or_a_batch", "a_model_fits_saves_and_loads_with_it"},
    LooksAtItsNeighbours: {"examples_are_independent"},
    ComputesNarrowly: {"low_precision_is_computed_in_float32"},
    HasNoGradient: {"the_gradient_reaches_the_prediction", "a_model_fits_saves_and_loads_with_it"},
    Overflows: {"extreme_predictions_stay_finite"},
    DividesByTheBatch: {"an_empty_batch_is_no_accident"},
    IsNeverContent: {"a_perfect_prediction_has_its_value"},
    DecidesByAValue: {"jit_equals_eager"},
    NamesItsResultAnew: {"a_model_fits_saves_and_loads_with_it"},
    AveragesAverages: {"streaming_equals_one_shot"},
    IgnoresWeights: {"weights_count"},
    NeverStartsAgain: {"it_starts_at_zero_and_again_after_a_reset", "a_model_fits_saves_and_loads_with_it"},
    StartsAtOne: {"it_starts_at_zero_and_again_after_a_reset"},
    MeasuresInLowPrecision: {"any_prediction_is_measured"},
    MeasuresTheInfinite: {"any_prediction_is_measured"},
}


def row_of(cls: type) -> Technique:
    is_loss = issubclass(cls, SoundLoss)
    return Technique(
        cls,
        {"scale": 0.5},
        inputs=((4, 6), (4, 6)),
        values=(binary, probabilities),
        paper="none",
        rejects=({"scale": -1.0},) if is_loss else (),
        rejects_inputs=(((4, 6), (4, 5)),) if is_loss else (),
        batch_level=cls is DividesByTheBatch,
        perfect=0.0 if is_loss else None,
    )


@pytest.mark.parametrize("cls", [SoundLoss, SoundMetric], ids=lambda cls: cls.__name__)
def test_a_sound_technique_passes_every_check(cls: type):
    assert CHECKS.failing(row_of(cls)) == set()


@pytest.mark.parametrize("cls", BROKEN, ids=lambda cls: cls.__name__)
def test_a_broken_technique_fails_exactly_its_checks(cls: type):
    assert CHECKS.failing(row_of(cls)) == BROKEN[cls]


def test_every_check_is_seen_to_fail():
    assert {check.__name__ for check in CHECKS} == set().union(*BROKEN.values())
