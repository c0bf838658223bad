from dl_techniques.regularizers.binary_preference import BinaryPreferenceRegularizer as BinaryPreferenceRegularizer
from dl_techniques.regularizers.entropy_regularizer import EntropyRegularizer as EntropyRegularizer
from dl_techniques.regularizers.entropy_regularizer import get_entropy_regularizer as get_entropy_regularizer
from dl_techniques.regularizers.soft_orthogonal import (
    SoftOrthogonalConstraintRegularizer as SoftOrthogonalConstraintRegularizer,
)
from dl_techniques.regularizers.soft_orthonormal import (
    SoftOrthonormalConstraintRegularizer as SoftOrthonormalConstraintRegularizer,
)
from dl_techniques.regularizers.srip import SRIPRegularizer as SRIPRegularizer
from dl_techniques.regularizers.srip import srip_schedule as srip_schedule
from dl_techniques.regularizers.tri_state_preference import (
    TriStatePreferenceRegularizer as TriStatePreferenceRegularizer,
)
