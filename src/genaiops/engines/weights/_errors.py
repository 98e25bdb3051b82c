"""What can go wrong with weights.

GenaiopsError
|-- NotFound
|   |-- UnknownWeights        the catalogue has no such name
|   `-- WeightsMissing        known, but not pulled into this home
|-- OutsideError
|   |-- ChecksumMismatch      what arrived is not what was pinned; it is never installed
|   |-- DangerousWeights      what arrived could run code when it is loaded; it is never installed
|   |-- InstallerMissing      there is no pip to ask
|   `-- BuildFailed           the weights arrived, making the served form of them failed
|-- Unavailable
|   `-- RegistryUnreachable   pip could not get the package
`-- StoreError
    |-- DiskFull
    `-- WeightsCorrupt        an installed file changed
"""

from genaiops.core.errors import NotFound, OutsideError, StoreError, Unavailable


class UnknownWeights(NotFound):
    default_code = "unknown_weights"


class WeightsMissing(NotFound):
    default_code = "weights_missing"


class ChecksumMismatch(OutsideError):
    default_code = "checksum_mismatch"


class DangerousWeights(OutsideError):
    default_code = "dangerous_weights"


class InstallerMissing(OutsideError):
    default_code = "installer_missing"


class BuildFailed(OutsideError):
    default_code = "weights_build_failed"


class RegistryUnreachable(Unavailable):
    default_code = "registry_unreachable"


class DiskFull(StoreError):
    default_code = "disk_full"


class WeightsCorrupt(StoreError):
    default_code = "weights_corrupt"
