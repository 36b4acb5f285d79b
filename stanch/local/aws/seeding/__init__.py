"""Inside the local cloud's process: create what a finding names, with its exact ids, where it does not exist.

Nothing that exists is touched, so that a second replay of an event changes nothing and never opens again what was closed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from stanch.finding import Finding, Resource
from stanch.local.aws.seeding import config, ec2, guardduty, iam, s3
from stanch.local.aws.seeding.scene import Scene, Unseedable, describe

Seeder = Callable[[Scene, Resource], Iterator[str]]

# The order matters: an instance brings its groups into its own VPC, and names the role of its profile.
_SEEDERS: dict[str, Seeder] = {
    "AWS::IAM::User": iam.user,
    "AWS::IAM::AccessKey": iam.access_key,
    "AWS::IAM::Role": iam.role,
    "AWS::EC2::Instance": ec2.instance,
    "AWS::EC2::SecurityGroup": ec2.security_group,
    "AWS::S3::Bucket": s3.bucket,
    "AWS::::Account": s3.account,
}
_ORDER = list(_SEEDERS)


def seed_finding(finding: Finding, home_account: str) -> list[str]:
    """One sentence for each thing created and for each that cannot be. Never raises for what a finding says."""
    scene = describe(finding)
    said = [*guardduty.register(scene, home_account), *config.register(scene)]
    if finding.sample:
        return [*said, "It is a sample: the resources it names exist nowhere, so none was created."]
    if str(finding.upstream.get("item_status") or "").startswith("ResourceDeleted"):
        return [*said, "It reports a deletion: nothing was created."]
    if finding.compliant:
        return [*said, "It reports compliance: nothing exposed was created."]
    for resource in sorted(finding.resources, key=_rank):
        said += _seed(scene, resource)
    return said


def _rank(resource: Resource) -> int:
    return _ORDER.index(resource.type) if resource.type in _SEEDERS else len(_ORDER)


def _seed(scene: Scene, resource: Resource) -> list[str]:
    if resource.cloud != "aws":
        return [f"{resource.id} belongs to the other cloud."]
    if resource.type not in _SEEDERS:
        return [f"{resource.type} {resource.id} cannot be created in the local AWS; only the finding was."]
    said: list[str] = []
    try:
        # Kept one by one: what was created before an impossible part was created all the same.
        for sentence in _SEEDERS[resource.type](scene, resource):
            said.append(sentence)
    except Unseedable as reason:
        said.append(f"{resource.type} {resource.id} was not created: {reason}.")
    return said
