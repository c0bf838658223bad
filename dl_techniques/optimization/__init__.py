"""Learning-rate schedules, optimizers from dictionaries, and callbacks of training.

What Keras has already is not here again; it is told how in a line.

Gradient accumulation: `gradient_accumulation_steps` of every optimizer. The weights move once in so many batches, by
the mean of their gradients. A schedule counts batches, not moves:

>>> optimizer = optimizer_builder({"type": "adamw", "learning_rate": 1e-3, "gradient_accumulation_steps": 4})
>>> optimizer.gradient_accumulation_steps
4

Mixed precision: a dtype policy, of a layer, of a model, or of all that is made from then on. `compile` puts a
`LossScaleOptimizer` around the optimizer of a `mixed_float16` model, so that small gradients do not vanish;
`mixed_bfloat16` needs none. A fixed scale is the `loss_scale_factor` of an optimizer.

>>> layer = keras.layers.Dense(1, dtype="mixed_float16")
>>> layer.compute_dtype, layer.variable_dtype
('float16', 'float32')
>>> with_policy = keras.Sequential([keras.Input((2,)), layer])
>>> with_policy.dtype_policy = keras.dtype_policies.DTypePolicy("mixed_float16")
>>> with_policy.compile(optimizer_builder({"type": "adam", "learning_rate": 1e-3}))
>>> type(with_policy.optimizer).__name__
'LossScaleOptimizer'
"""

from dl_techniques.optimization.build_lr_multipliers import build_lr_multipliers as build_lr_multipliers
from dl_techniques.optimization.deep_supervision_schedule_builder import (
    deep_supervision_schedule_builder as deep_supervision_schedule_builder,
)
from dl_techniques.optimization.deep_supervision_weights import DeepSupervisionWeights as DeepSupervisionWeights
from dl_techniques.optimization.gradual_unfreezing import GradualUnfreezing as GradualUnfreezing
from dl_techniques.optimization.learning_rate_schedule_builder import (
    learning_rate_schedule_builder as learning_rate_schedule_builder,
)
from dl_techniques.optimization.multiplier_optimizer import MultiplierOptimizer as MultiplierOptimizer
from dl_techniques.optimization.one_cycle_schedule import OneCycleSchedule as OneCycleSchedule
from dl_techniques.optimization.optimizer_builder import optimizer_builder as optimizer_builder
from dl_techniques.optimization.optimizer_type import OptimizerType as OptimizerType
from dl_techniques.optimization.scaled_schedule import ScaledSchedule as ScaledSchedule
from dl_techniques.optimization.schedule_type import ScheduleType as ScheduleType
from dl_techniques.optimization.warmup_schedule import WarmupSchedule as WarmupSchedule
