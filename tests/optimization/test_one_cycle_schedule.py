import numpy as np
import pytest

from dl_techniques.optimization import OneCycleSchedule
from tests.optimization_contract import rates


@pytest.mark.parametrize(("peak", "end"), [(0.45, 0.9), (0.3, 0.85)])
def test_oracle(peak, end):
    schedule = OneCycleSchedule(
        0.5, 200, peak_fraction=peak, cycle_fraction=end, div_factor=10.0, final_div_factor=100.0
    )
    step = [0, 1, 30, 60, 90, 120, 170, 180, 199, 200, 1000]
    expected = np.interp(step, [0, 200 * peak, 200 * end, 200], [0.05, 0.5, 0.05, 0.0005])
    np.testing.assert_allclose(rates(schedule, step), expected, rtol=2e-6)


def test_by_default_it_rises_as_long_as_it_falls():
    """As in the paper."""
    schedule = OneCycleSchedule(1.0, 100)
    up, down = rates(schedule, range(0, 46, 15)), rates(schedule, range(90, 44, -15))
    np.testing.assert_allclose(up, down, rtol=1e-6)
    assert up[0] == np.float32(0.04)
    assert up[3] == 1
