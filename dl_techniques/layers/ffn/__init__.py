from dl_techniques.layers.ffn.diff_ffn import DiffFFN as DiffFFN
from dl_techniques.layers.ffn.diff_ffn2 import DiffFFN2 as DiffFFN2
from dl_techniques.layers.ffn.gated_mlp import GatedMLP as GatedMLP
from dl_techniques.layers.ffn.glu_ffn import GLUFFN as GLUFFN
from dl_techniques.layers.ffn.mlp_block import MLPBlock as MLPBlock
from dl_techniques.layers.ffn.residual_block import ResidualBlock as ResidualBlock
from dl_techniques.layers.ffn.swiglu_ffn import SwiGLUFFN as SwiGLUFFN
from dl_techniques.layers.ffn.swin_mlp import SwinMLP as SwinMLP
