"""The local clouds of the other packages."""

from tests.functional.local_aws.conftest import cloud, lab
from tests.functional.local_azure.conftest import azure, raw, running

__all__ = ["azure", "cloud", "lab", "raw", "running"]
