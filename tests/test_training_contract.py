"""Every loss and metric keeps every promise of its kind on the active backend."""

from collections.abc import Iterator

import keras
import pytest

from dl_techniques.catalogue import Technique, losses, metrics
from tests._frameworks import leave_no_garbage
from tests.training_contract import CHECKS, KINDS

ROWS = (*losses.TECHNIQUES, *metrics.TECHNIQUES)


def cell(row: Technique, check):
    reason = row.xfail.get(f"{keras.backend.backend()}:{check.__name__}")
    marks = [pytest.mark.xfail(reason=reason, strict=True)] if reason else []
    return pytest.param(row, check, id=f"{row.name}-{check.__name__}", marks=marks)


@pytest.fixture
def little_garbage(request: pytest.FixtureRequest) -> Iterator[None]:
    yield
    row, check = (request.node.callspec.params[name] for name in ("row", "check"))
    if check is CHECKS.of(row)[-1]:
        leave_no_garbage()


@pytest.mark.usefixtures("little_garbage")
@pytest.mark.parametrize(("row", "check"), [cell(row, check) for row in ROWS for check in CHECKS.of(row)])
def test_training_contract(row: Technique, check):
    check(row)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_a_row_is_of_one_kind_and_says_what_its_inputs_are(row: Technique):
    assert sum(issubclass(row.cls, kind) for kind in KINDS) == 1
    assert len(row.inputs) == len(row.values) >= 2
    known = {f"{backend}:{check.__name__}" for backend in ("tensorflow", "jax", "torch") for check in CHECKS}
    assert set(row.xfail) <= known
