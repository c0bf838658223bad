from dl_techniques.models.cbam_net import CBAMNet as CBAMNet
from dl_techniques.models.differential_transformer import DifferentialTransformer as DifferentialTransformer
from dl_techniques.models.kan import KAN as KAN
from dl_techniques.models.vit_with_hmlp_stem import ViTWithHMLPStem as ViTWithHMLPStem
from dl_techniques.models.vit_with_hmlp_stem import create_vit_model as create_vit_model
