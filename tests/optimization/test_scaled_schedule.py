import numpy as np
from keras.optimizers.schedules import InverseTimeDecay

from dl_techniques.optimization import ScaledSchedule
from tests.optimization_contract import rates


def test_oracle():
    schedule = InverseTimeDecay(0.1, decay_steps=10, decay_rate=0.5)
    step = np.array([0, 3, 10, 50])
    expected = 0.1 / (1 + 0.5 * step / 10)
    for multiplier in (0.0, 0.3, 4):
        found = rates(ScaledSchedule(schedule, multiplier), step.tolist())
        np.testing.assert_allclose(found, multiplier * expected, rtol=1e-6)
