from dl_techniques.layers.norms.band_rms import BandRMS as BandRMS
from dl_techniques.layers.norms.dynamic_tanh import DynamicTanh as DynamicTanh
from dl_techniques.layers.norms.global_response_norm import (
    GlobalResponseNormalization as GlobalResponseNormalization,
)
from dl_techniques.layers.norms.rms_norm import RMSNorm as RMSNorm
