from dl_techniques.layers.norms.band_logit_norm import BandLogitNorm as BandLogitNorm
from dl_techniques.layers.norms.band_rms import BandRMS as BandRMS
from dl_techniques.layers.norms.decoupled_max_logit import DecoupledMaxLogit as DecoupledMaxLogit
from dl_techniques.layers.norms.dml_plus import DMLPlus as DMLPlus
from dl_techniques.layers.norms.dynamic_tanh import DynamicTanh as DynamicTanh
from dl_techniques.layers.norms.global_response_norm import (
    GlobalResponseNormalization as GlobalResponseNormalization,
)
from dl_techniques.layers.norms.logit_norm import LogitNorm as LogitNorm
from dl_techniques.layers.norms.max_logit_norm import MaxLogitNorm as MaxLogitNorm
from dl_techniques.layers.norms.rms_norm import RMSNorm as RMSNorm
from dl_techniques.layers.norms.standard_scaler import StandardScaler as StandardScaler
