"""The contract itself under test: a sound layer passes every check, a broken one fails exactly the one it breaks."""

import keras
import numpy as np
import pytest
from keras import ops

from dl_techniques._keras_layers import Dense
from dl_techniques._precision import at_least_float32, mean_over, product
from dl_techniques._serialization import serializable
from dl_techniques.catalogue import Technique
from tests.contract import CHECKS


@serializable
class Sound(keras.layers.Layer):
    """The layer that the broken ones below are made from."""

    def __init__(self, axis=-1, gain=1.0, kernel_initializer="glorot_uniform", seed=None, **kwargs):
        super().__init__(**kwargs)
        if gain <= 0:
            raise ValueError(f"`gain` must be > 0. Received: gain={gain}")
        self.axis = axis
        self.gain = gain
        self.kernel_initializer = keras.initializers.get(kernel_initializer)
        self.seed = seed
        self.supports_masking = True

    def build(self, input_shape):
        if len(input_shape) != 3:
            raise ValueError(f"The input must have rank 3. Received: input_shape={tuple(input_shape)}")
        shape = (input_shape[self.axis],) * 2
        self.kernel = self.add_weight(name="kernel", shape=shape, initializer=self.kernel_initializer)
        super().build(input_shape)

    def call(self, inputs, training=None):
        return product(inputs, self.kernel) * self.gain

    def compute_output_shape(self, input_shape):
        return input_shape


@serializable
class LosesAnArgumentOnLoading(Sound):
    is_loaded = False

    def call(self, inputs, training=None):
        outputs = super().call(inputs)
        return outputs / self.gain if training and self.is_loaded else outputs

    @classmethod
    def from_config(cls, config):
        layer = cls(**config)
        layer.is_loaded = True
        return layer


@serializable
class LeavesAnArgumentOutOfItsConfig(Sound):
    def __init__(self, unused=None, **kwargs):
        super().__init__(**kwargs)
        self.unused = unused

    def get_config(self):
        return super().get_config()


@serializable
class ChangesAnArgumentInBuild(Sound):
    def build(self, input_shape):
        self.axis %= len(input_shape)
        super().build(input_shape)


@serializable
class KeepsATupleInItsConfig(Sound):
    def __init__(self, sizes=(1, 2), **kwargs):
        super().__init__(**kwargs)
        self.sizes = sizes

    def get_config(self):
        return {**super().get_config(), "sizes": tuple(self.sizes)}


@serializable
class ThawsWhenLoaded(Sound):
    @classmethod
    def from_config(cls, config):
        return cls(**{**config, "trainable": True})


@serializable
class MovesWhileFrozen(Sound):
    STATE = ("largest",)

    def build(self, input_shape):
        super().build(input_shape)
        self.largest = self.add_weight(name="largest", shape=(), initializer="zeros", trainable=False)

    def call(self, inputs, training=None):
        if training:
            self.largest.assign(ops.maximum(self.largest, ops.amax(ops.cast(inputs, "float32"))))
        return super().call(inputs)


@serializable
class MovesInInference(Sound):
    STATE = ("largest",)

    def build(self, input_shape):
        super().build(input_shape)
        self.largest = self.add_weight(name="largest", shape=(), initializer="zeros", trainable=False)

    def call(self, inputs, training=None):
        if self.trainable:
            self.largest.assign(ops.maximum(self.largest, ops.amax(ops.cast(inputs, self.largest.dtype))))
        return super().call(inputs)


@serializable
class MovesWhatItsRowDoesNotName(MovesInInference):
    STATE = ()

    def call(self, inputs, training=None):
        return super().call(inputs) if training else Sound.call(self, inputs)


@serializable
class AddsALossThatItsRowDoesNotName(Sound):
    def call(self, inputs, training=None):
        if training:
            self.add_loss(ops.sum(ops.square(self.kernel)))
        return super().call(inputs)


@serializable
class AddsALossThatTeachesNothing(Sound):
    ADDS_LOSS = True

    def call(self, inputs, training=None):
        if training:
            self.add_loss(ops.sum(ops.stop_gradient(ops.square(self.kernel))))
        return super().call(inputs)


@serializable
class ForgetsWhatIsQuantized(Sound):
    def build(self, input_shape):
        super().build(input_shape)
        self.dense = Dense(input_shape[-1], name="dense", dtype=self.dtype_policy)
        self.dense.build(input_shape)

    def call(self, inputs, training=None):
        return super().call(inputs) + self.dense(inputs)

    def get_config(self):
        config = super().get_config()
        for state in config.get("parts", {}).values():
            state.pop("dtype", None)
        return config


@serializable
class BuildsDifferentlyWhenCalled(Sound):
    def build(self, input_shape):
        self.batch = input_shape[0]
        super().build(input_shape)

    def add_weight(self, *, name, **options):
        return super().add_weight(name=name if self.batch is None else f"{name}_of_{self.batch}", **options)


@serializable
class PromisesAnotherShape(Sound):
    def compute_output_shape(self, input_shape):
        return (*input_shape[:-1], 2 * input_shape[-1])


@serializable
class LeavesItsShapeToTheTracer(Sound):
    compute_output_shape = keras.layers.Layer.compute_output_shape


@serializable
class SavesZeros(Sound):
    def save_own_variables(self, store):
        store["0"] = np.zeros(self.kernel.shape)


@serializable
class NeedsToKnowTheLength(Sound):
    def build(self, input_shape):
        super().build(input_shape)
        self.last_step = input_shape[1] - 1


@serializable
class HeedsTheOrderOfAxes(Sound):
    def build(self, input_shape):
        super().build(input_shape)
        self.is_first = keras.config.image_data_format() == "channels_first"

    def call(self, inputs, training=None):
        return super().call(-inputs if self.is_first else inputs)


@serializable
class StopsTheGradient(Sound):
    def call(self, inputs, training=None):
        return product(inputs, ops.stop_gradient(self.kernel)) * self.gain


@serializable
class PassesAGradientThatItsRowDenies(Sound):
    DIFFERENTIABLE = False

    def call(self, inputs, training=None):
        return ops.sign(inputs) + (inputs - ops.stop_gradient(inputs))


@serializable
class HasAnInfiniteGradient(Sound):
    def call(self, inputs, training=None):
        return super().call(inputs) + ops.sqrt(0.0 * self.kernel[0, 0])


@serializable
class BranchesOnAValueInInference(Sound):
    def call(self, inputs, training=None):
        outputs = super().call(inputs)
        return outputs if training or ops.max(outputs) > -1e9 else -outputs


@serializable
class BranchesOnAValueInTraining(Sound):
    def call(self, inputs, training=None):
        outputs = super().call(inputs)
        return outputs if not training or ops.max(outputs) > -1e9 else -outputs


@serializable
class ReturnsFloat32(Sound):
    def call(self, inputs, training=None):
        return at_least_float32(super().call(inputs))


@serializable
class OverflowsInLowPrecision(Sound):
    def call(self, inputs, training=None):
        offset = ops.cast(1e4, inputs.dtype)
        return super().call(inputs + offset - offset) if self.compute_dtype == "bfloat16" else super().call(inputs)


@serializable
class CutsWholeNumbers(Sound):
    def __call__(self, inputs, **kwargs):
        outputs = super().__call__(inputs, **kwargs)
        return outputs if "float" in keras.backend.standardize_dtype(inputs.dtype) else ops.floor(outputs)


@serializable
class LooksAtThePadding(Sound):
    def call(self, inputs, training=None):
        return super().call(inputs + ops.roll(inputs, 1, axis=1))


@serializable
class DropsTheMask(Sound):
    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.supports_masking = False


@serializable
class RoundsToFloat32(Sound):
    def call(self, inputs, training=None):
        outputs = super().call(inputs)
        return ops.cast(ops.cast(outputs, "float32"), outputs.dtype)


@serializable
class KeepsFloat32Constants(Sound):
    def build(self, input_shape):
        super().build(input_shape)
        self.constant = self.add_weight(
            name="constant", shape=(), initializer="ones", trainable=False, dtype="float32", autocast=False
        )

    def call(self, inputs, training=None):
        return super().call(inputs) * ops.cast(self.constant, inputs.dtype)


@serializable
class OverflowsInFloat16(Sound):
    def call(self, inputs, training=None):
        return super().call(inputs * 1024) / 1024


@serializable
class RemembersItsFirstBatch(Sound):
    batch = None

    def call(self, inputs, training=None):
        self.batch = self.batch or inputs.shape[0]
        return ops.reshape(super().call(inputs), (self.batch, *inputs.shape[1:]))


@serializable
class MixesItsBatch(Sound):
    def call(self, inputs, training=None):
        return super().call(inputs - mean_over(inputs[:, :1], axis=0))


@serializable
class DrawsTheSameAtEachCall(Sound):
    def call(self, inputs, training=None):
        drawn_once = (ops.arange(inputs.shape[-1]) % 2) if training else 1
        return super().call(inputs) * ops.cast(drawn_once, inputs.dtype)


@serializable
class DependsOnItsCalls(Sound):
    """By a millionth a call: below what any comparison of values sees."""

    calls = 0

    def call(self, inputs, training=None):
        self.calls += 1
        return super().call(inputs) + (0.0 if training else 1e-6 * self.calls)


@serializable
class DrawsNothingInInference(Sound):
    pass


@serializable
class ChangesItsInput(Sound):
    """On torch, the only framework whose tensors can be changed."""

    def call(self, inputs, training=None):
        if keras.backend.backend() == "torch":
            from torch.compiler import is_compiling

            if not is_compiling():
                inputs.detach()[..., 0] = 0.0
        used = ops.cast(ops.arange(inputs.shape[-1]) > 0, inputs.dtype)
        return super().call(inputs * used)


@serializable
class SharesItsInitializer(Sound):
    def build(self, input_shape):
        super().build(input_shape)
        self.other = self.add_weight(name="other", shape=self.kernel.shape, initializer=self.kernel_initializer)

    def call(self, inputs, training=None):
        return super().call(inputs) + product(ops.square(inputs), self.other)


@serializable
class CopiesTheSeedOfItsInitializer(SharesItsInitializer):
    def build(self, input_shape):
        self.kernel_initializer = self.kernel_initializer.clone()
        super().build(input_shape)


@serializable
class AcceptsAnything(Sound):
    def __init__(self, gain=1.0, **kwargs):
        super().__init__(**kwargs)
        self.gain = gain


@serializable
class HidesWhatItReceived(Sound):
    def __init__(self, gain=1.0, **kwargs):
        if gain <= 0:
            raise ValueError("`gain` must be > 0. Received: something else")
        super().__init__(gain=gain, **kwargs)


@serializable
class AcceptsAnyShape(Sound):
    def build(self, input_shape):
        super().build(input_shape if len(input_shape) == 3 else (None, 1, 1))


BROKEN = {
    LosesAnArgumentOnLoading: "config_survives_json",
    LeavesAnArgumentOutOfItsConfig: "config_holds_every_argument",
    ChangesAnArgumentInBuild: "config_is_the_same_after_build",
    KeepsATupleInItsConfig: "config_is_a_fixed_point",
    ThawsWhenLoaded: "frozen_stays_frozen",
    MovesWhileFrozen: "frozen_stays_frozen",
    MovesInInference: "only_its_state_moves",
    MovesWhatItsRowDoesNotName: "only_its_state_moves",
    AddsALossThatItsRowDoesNotName: "added_losses_are_told",
    AddsALossThatTeachesNothing: "added_losses_are_told",
    ForgetsWhatIsQuantized: "quantized_stays_quantized",
    BuildsDifferentlyWhenCalled: "build_creates_every_weight",
    PromisesAnotherShape: "output_shape_is_known_before_build",
    LeavesItsShapeToTheTracer: "output_shape_is_known_before_build",
    SavesZeros: "saved_model_gives_the_same_output",
    NeedsToKnowTheLength: "sizes_may_be_unknown",
    HeedsTheOrderOfAxes: "settings_of_keras_change_nothing",
    StopsTheGradient: "gradients_reach_inputs_and_weights",
    PassesAGradientThatItsRowDenies: "gradients_reach_inputs_and_weights",
    HasAnInfiniteGradient: "gradients_reach_inputs_and_weights",
    BranchesOnAValueInInference: "jit_equals_eager",
    BranchesOnAValueInTraining: "training_compiles",
    ReturnsFloat32: "low_precision_keeps_its_dtypes",
    OverflowsInLowPrecision: "low_precision_keeps_its_dtypes",
    CutsWholeNumbers: "inputs_of_any_kind_will_do",
    LooksAtThePadding: "padding_is_not_seen",
    DropsTheMask: "padding_is_not_seen",
    RoundsToFloat32: "float64_is_computed_in_float64",
    KeepsFloat32Constants: "float64_is_computed_in_float64",
    OverflowsInFloat16: "large_inputs_stay_finite_in_float16",
    RemembersItsFirstBatch: "any_batch_size_will_do",
    MixesItsBatch: "any_batch_size_will_do",
    DrawsTheSameAtEachCall: "seed_decides_the_output",
    DependsOnItsCalls: "inference_is_deterministic",
    DrawsNothingInInference: "inference_is_deterministic",
    ChangesItsInput: "inputs_are_not_changed",
    SharesItsInitializer: "equal_shaped_kernels_differ",
    CopiesTheSeedOfItsInitializer: "equal_shaped_kernels_differ",
    AcceptsAnything: "bad_arguments_are_rejected",
    HidesWhatItReceived: "bad_arguments_are_rejected",
    AcceptsAnyShape: "bad_input_shapes_are_rejected",
}


def row_of(cls: type) -> Technique:
    return Technique(
        cls,
        {"gain": 2.0, "kernel_initializer": "random_normal"},
        inputs=((2, 3, 4),),
        paper="none",
        rejects=({"gain": -1.0},),
        rejects_inputs=((2, 4),),
        random=cls is DrawsTheSameAtEachCall,
        random_in_inference=cls is DrawsNothingInInference,
        state=getattr(cls, "STATE", ()),
        differentiable=getattr(cls, "DIFFERENTIABLE", True),
        adds_loss=getattr(cls, "ADDS_LOSS", False),
    )


# Checks that trace on one backend only see these too.
TRACED = {
    (BranchesOnAValueInInference, "jax"): {"float64_is_computed_in_float64"},
    (BranchesOnAValueInInference, "tensorflow"): {"sizes_may_be_unknown"},
    (RemembersItsFirstBatch, "tensorflow"): {"sizes_may_be_unknown"},
}


def failing(row: Technique) -> set[str]:
    return {check.__name__ for check in CHECKS if fails(check, row)}


def fails(check, row: Technique) -> bool:
    try:
        check(row)
    except Exception:  # Any kind: a layer that does not compile, or load, says so in its framework's own way.
        return True
    return False


def test_a_sound_layer_passes_every_check():
    assert failing(row_of(Sound)) == set()


@pytest.mark.parametrize("cls", BROKEN, ids=lambda cls: cls.__name__)
def test_a_broken_layer_fails_exactly_its_check(cls: type):
    backend = keras.backend.backend()
    expected = set() if cls is ChangesItsInput and backend != "torch" else {BROKEN[cls]}
    assert failing(row_of(cls)) == expected | TRACED.get((cls, backend), set())


def test_every_check_is_seen_to_fail():
    assert {check.__name__ for check in CHECKS} == set(BROKEN.values())
