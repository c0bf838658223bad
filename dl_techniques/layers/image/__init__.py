from dl_techniques.layers.image.advanced_laplacian_filter import AdvancedLaplacianFilter as AdvancedLaplacianFilter
from dl_techniques.layers.image.canny import Canny as Canny
from dl_techniques.layers.image.clahe import CLAHE as CLAHE
from dl_techniques.layers.image.gaussian_filter import GaussianFilter as GaussianFilter
from dl_techniques.layers.image.gaussian_filter import gaussian_filter as gaussian_filter
from dl_techniques.layers.image.laplacian_filter import LaplacianFilter as LaplacianFilter
from dl_techniques.layers.image.multiscales_generator import multiscales_generator_fn as multiscales_generator_fn
from dl_techniques.layers.image.shearlet_transform import ShearletTransform as ShearletTransform
