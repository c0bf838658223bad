"""Every constraint, initializer and regularizer keeps every promise of its kind on the active backend."""

import pytest

from dl_techniques.catalogue import WEIGHT_TECHNIQUES, Technique
from tests.weight_contract import CHECKS, KINDS


def cell(row: Technique, check):
    return pytest.param(row, check, id=f"{row.name}-{check.__name__}")


@pytest.mark.parametrize(("row", "check"), [cell(row, check) for row in WEIGHT_TECHNIQUES for check in CHECKS.of(row)])
def test_weight_contract(row: Technique, check):
    check(row)


@pytest.mark.parametrize("row", WEIGHT_TECHNIQUES, ids=lambda row: row.name)
def test_a_technique_is_of_one_kind_with_one_input_and_no_exception(row: Technique):
    assert sum(issubclass(row.cls, kind) for kind in KINDS) == 1
    assert len(row.inputs) == 1
    assert not row.xfail
