from dl_techniques.losses.any_loss.accuracy_loss import AccuracyLoss as AccuracyLoss
from dl_techniques.losses.any_loss.any_loss import AnyLoss as AnyLoss
from dl_techniques.losses.any_loss.balanced_accuracy_loss import BalancedAccuracyLoss as BalancedAccuracyLoss
from dl_techniques.losses.any_loss.f1_loss import F1Loss as F1Loss
from dl_techniques.losses.any_loss.fbeta_loss import FBetaLoss as FBetaLoss
from dl_techniques.losses.any_loss.geometric_mean_loss import GeometricMeanLoss as GeometricMeanLoss
from dl_techniques.losses.any_loss.jaccard_loss import JaccardLoss as JaccardLoss
from dl_techniques.losses.any_loss.matthews_loss import MatthewsLoss as MatthewsLoss
from dl_techniques.losses.any_loss.precision_loss import PrecisionLoss as PrecisionLoss
from dl_techniques.losses.any_loss.recall_loss import RecallLoss as RecallLoss
from dl_techniques.losses.any_loss.specificity_loss import SpecificityLoss as SpecificityLoss
from dl_techniques.losses.any_loss.weighted_cross_entropy_with_any_loss import (
    WeightedCrossEntropyWithAnyLoss as WeightedCrossEntropyWithAnyLoss,
)
