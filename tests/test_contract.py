"""Every technique keeps every promise on the active backend."""

from collections.abc import Callable, Iterator

import keras
import pytest

from dl_techniques.catalogue import TECHNIQUES, Technique
from tests._frameworks import leave_no_garbage
from tests.contract import CHECKS


def cell(row: Technique, check: Callable[[Technique], None]):
    reason = row.xfail.get(f"{keras.backend.backend()}:{check.__name__}")
    marks = [pytest.mark.xfail(reason=reason, strict=True)] if reason else []
    return pytest.param(row, check, id=f"{row.name}-{check.__name__}", marks=marks)


@pytest.fixture
def little_garbage(request: pytest.FixtureRequest) -> Iterator[None]:
    yield
    if request.node.callspec.params["check"] is CHECKS[-1]:
        leave_no_garbage()


@pytest.mark.usefixtures("little_garbage")
@pytest.mark.parametrize(("row", "check"), [cell(row, check) for row in TECHNIQUES for check in CHECKS])
def test_contract(row: Technique, check):
    check(row)


def test_xfails_name_a_backend_and_a_check():
    known = {f"{backend}:{check.__name__}" for backend in ("tensorflow", "jax", "torch") for check in CHECKS}
    unknown = {(row.name, key) for row in TECHNIQUES for key in row.xfail if key not in known}
    assert not unknown
