import pytest

from dl_techniques.layers import get_activation


@pytest.mark.parametrize(
    ("name", "cls"),
    [
        ("gelu", "GELU"),
        ("SiLU", "SiLU"),
        ("XATLU", "xATLU"),
        ("xGelu", "xGELU"),
        ("xsilu", "xSiLU"),
        (" gelu\n", "GELU"),
    ],
)
def test_activations_by_name(name, cls):
    assert type(get_activation(name)).__name__ == cls
    assert get_activation(name) is not get_activation(name)


@pytest.mark.parametrize("name", ["relu", "", None, 1, ["gelu"]])
def test_unknown_names_are_refused(name):
    with pytest.raises(ValueError, match=r"must be one of .*'gelu'.* Received: activation_name=") as caught:
        get_activation(name)
    assert str(caught.value).endswith(repr(name))
