"""Every schedule, optimizer and callback keeps every promise of its kind on the active backend."""

import pytest

from dl_techniques.catalogue import Technique
from dl_techniques.catalogue.optimization import TECHNIQUES
from tests.optimization_contract import CHECKS, KINDS


def cell(row: Technique, check):
    return pytest.param(row, check, id=f"{row.name}-{check.__name__}")


@pytest.mark.parametrize(("row", "check"), [cell(row, check) for row in TECHNIQUES for check in CHECKS.of(row)])
def test_optimization_contract(row: Technique, check):
    check(row)


@pytest.mark.parametrize("row", TECHNIQUES, ids=lambda row: row.name)
def test_a_technique_is_of_one_kind_with_no_input_and_no_exception(row: Technique):
    assert sum(issubclass(row.cls, kind) for kind in KINDS) == 1
    assert row.inputs == ()
    assert not row.xfail
