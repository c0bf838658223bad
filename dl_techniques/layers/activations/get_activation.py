from dl_techniques.layers.activations.gelu import GELU
from dl_techniques.layers.activations.silu import SiLU
from dl_techniques.layers.activations.xatlu import xATLU
from dl_techniques.layers.activations.xgelu import xGELU
from dl_techniques.layers.activations.xsilu import xSiLU

_BY_NAME = {cls.__name__.lower(): cls for cls in (GELU, SiLU, xATLU, xGELU, xSiLU)}


def get_activation(activation_name: str) -> GELU | SiLU | xATLU | xGELU | xSiLU:
    """Returns a new activation layer: "gelu", "silu", "xatlu", "xgelu" or "xsilu".

    Case and spaces around the name do not matter.

    Example:

    >>> type(get_activation("xGELU")).__name__
    'xGELU'
    """
    name = activation_name.strip().lower() if isinstance(activation_name, str) else None
    if name not in _BY_NAME:
        raise ValueError(
            f"`activation_name` must be one of {sorted(_BY_NAME)}. Received: activation_name={activation_name!r}"
        )
    return _BY_NAME[name]()
