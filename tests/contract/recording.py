"""Clouds that remember which permission every call needed, by a table that knows nothing of what the remediations declare."""

from __future__ import annotations

import re
from collections import defaultdict
from contextvars import ContextVar
from typing import Any

from stanch.clouds.aws import AwsCloud, AwsSession, AwsSettings
from stanch.clouds.azure import AzureCloud
from stanch.clouds.azure_session import AzureSession
from stanch.clouds.azure_settings import AzureSettings
from stanch.finding import Resource

# Where the IAM action is not `service:Operation`: https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazons3.html
AWS_ACTIONS = {
    "s3:GetPublicAccessBlock": "s3:GetBucketPublicAccessBlock",
    "s3:PutPublicAccessBlock": "s3:PutBucketPublicAccessBlock",
    "s3:DeletePublicAccessBlock": "s3:PutBucketPublicAccessBlock",
    "s3:ListBuckets": "s3:ListAllMyBuckets",
    "s3:HeadBucket": "s3:ListBucket",
    "s3:ListObjectsV2": "s3:ListBucket",
    "s3control:GetPublicAccessBlock": "s3:GetAccountPublicAccessBlock",
    "s3control:PutPublicAccessBlock": "s3:PutAccountPublicAccessBlock",
    "s3control:DeletePublicAccessBlock": "s3:PutAccountPublicAccessBlock",
    "elbv2:DescribeLoadBalancers": "elasticloadbalancing:DescribeLoadBalancers",
}
AWS_READS = ("Get", "List", "Describe", "Head")


class RecordingAwsCloud(AwsCloud):
    """The real AWS cloud with botocore's own hook on every client; `faults` are called before each call and may raise."""

    def __init__(self, settings: AwsSettings) -> None:
        super().__init__(settings)
        self.calls: dict[str, list[str]] = defaultdict(list)
        self.faults: list[Any] = []

    def session(self, resource: Resource, purpose: Any, action_id: str, permissions: frozenset[str]) -> AwsSession:
        session = super().session(resource, purpose, action_id, permissions)
        if not isinstance(session, _Recorded):
            session.__class__ = _Recorded
            session.cloud, session.purpose = self, purpose  # type: ignore[attr-defined]
        return session

    def writes(self) -> list[str]:
        """Every call so far that is no read."""
        return [
            call for calls in self.calls.values() for call in calls if not call.partition(":")[2].startswith(AWS_READS)
        ]


_CALLING: ContextVar[_Recorded] = ContextVar("calling")
"""The session whose call is under way: clients are shared by the sessions of all purposes."""


class _Recorded(AwsSession):
    cloud: RecordingAwsCloud
    purpose: str

    def client(self, service: str, region: str | None = None) -> Any:
        client = super().client(service, region)
        if not getattr(client, "recorded", False):
            client.recorded = True
            client.meta.events.register("before-call", _seen)
        return client

    def _sent(self, *given: Any) -> Any:
        token = _CALLING.set(self)
        try:
            return super()._sent(*given)
        finally:
            _CALLING.reset(token)


def _seen(model: Any, **_: Any) -> Any:
    session = _CALLING.get(None)
    if session is None:
        return None  # the deployment's own call, through a client that it shares
    name = f"{model.service_model.service_name}:{model.name}"
    for fault in session.cloud.faults:
        answer = fault(session.purpose, name)
        if answer is not None:
            return answer
    session.cloud.calls[session.purpose].append(AWS_ACTIONS.get(name, name))
    return None


# ARM: https://learn.microsoft.com/azure/role-based-access-control/resource-provider-operations; Graph: https://learn.microsoft.com/graph/permissions-reference
AZURE_ACTIONS: list[tuple[str, str, str]] = [
    ("PATCH", r"/v1\.0/users/[^/]+", "User.EnableDisableAccount.All"),
    ("POST", r"/v1\.0/users/[^/]+/revokesigninsessions", "User.RevokeSessions.All"),
    ("GET", r"/v1\.0/users/[^/]+", "User.Read.All"),
    ("GET", r"/v1\.0/users", "User.Read.All"),
]
_VERBS = {"GET": "read", "PUT": "write", "PATCH": "write", "DELETE": "delete"}
_POLLING = re.compile(
    r"/(operations|operationresults|operationstatuses|asyncoperations|diskoperations)/", re.IGNORECASE
)


def azure_action(method: str, path: str) -> str | None:
    """The permission that a request needs; None for polling an operation that was granted when it began."""
    if _POLLING.search(path):
        return None
    for verb, pattern, permission in AZURE_ACTIONS:
        if verb == method and re.fullmatch(pattern, path, re.IGNORECASE):
            return permission
    provider = re.split("/providers/", path, flags=re.IGNORECASE)[-1].split("/")
    kinds = "/".join([provider[0], *provider[1::2]])
    if method == "POST":
        return f"{kinds}/action"
    return f"{kinds}/{_VERBS[method]}"


class RecordingTransport:
    """An azure-core transport that remembers each request's permission on its way through."""

    def __init__(self, inner: Any, purpose: str, faults: list[Any]) -> None:
        self._inner, self.purpose, self.faults = inner, purpose, faults
        self.calls: list[str] = []

    def send(self, request: Any, **options: Any) -> Any:
        path = "/" + request.url.split("/", 3)[3].partition("?")[0]
        for fault in self.faults:
            answer = fault(self.purpose, f"{request.method} {path}")
            if answer is not None:
                return answer
        action = azure_action(request.method, path)
        if action is not None:
            self.calls.append(action)
        return self._inner.send(request, **options)

    def __enter__(self) -> RecordingTransport:
        return self

    def __exit__(self, *_: Any) -> None:
        """The connections live on with the inner transport."""

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)


class RecordingAzureCloud(AzureCloud):
    """The real Azure cloud over transports that remember, one a purpose."""

    def __init__(self, settings: AzureSettings) -> None:
        super().__init__(settings)
        self._recorders: dict[str, RecordingTransport] = {}
        self.faults: list[Any] = []

    @property
    def calls(self) -> dict[str, list[str]]:
        return {purpose: recorder.calls for purpose, recorder in self._recorders.items()}

    def session(
        self, resource: Resource, purpose: Any, action_id: str, permissions: frozenset[str] = frozenset()
    ) -> AzureSession:
        session = super().session(resource, purpose, action_id, permissions)
        if purpose not in self._recorders:
            self._recorders[purpose] = RecordingTransport(session._transport, purpose, self.faults)
        session._transport = self._recorders[purpose]
        return session

    def writes(self) -> list[str]:
        """Every call so far that is no read."""
        return [call for calls in self.calls.values() for call in calls if not call.endswith(("/read", ".Read.All"))]
