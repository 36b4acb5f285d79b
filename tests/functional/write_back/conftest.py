"""The local clouds and the engine's bench of the other packages."""

from tests.functional.local_aws.conftest import cloud, lab
from tests.functional.local_azure.conftest import azure, raw, running
from tests.functional.write_back.siem import soc
from tests.unit.engine.conftest import bench, folder, wall

__all__ = ["azure", "bench", "cloud", "folder", "lab", "raw", "running", "soc", "wall"]
