"""AWS: sessions in the resource's own account and region, one place for errors, and the resources a finding only implies."""

from __future__ import annotations

import json
import os
import re
import threading
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, Literal

import boto3
import botocore.session
from botocore.config import Config
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConnectionError,
    DataNotFoundError,
    HTTPClientError,
    NoCredentialsError,
    ParamValidationError,
)
from botocore.loaders import Loader, create_loader
from botocore.parsers import ResponseParserError

from stanch import __version__
from stanch.clouds.kept_sessions import KeptSessions
from stanch.errors import (
    AccessDenied,
    CloudError,
    Conflict,
    Gone,
    InvalidInput,
    Refused,
    StanchError,
    Throttled,
    Unreachable,
)
from stanch.finding import Finding, Resource

Purpose = Literal["read", "act", "undo"]

_ACCOUNT = re.compile(r"[0-9]{12}")

# Common error codes of the query, JSON and REST protocols:
# https://docs.aws.amazon.com/IAM/latest/APIReference/CommonErrors.html, https://docs.aws.amazon.com/AWSEC2/latest/APIReference/errors-overview.html
_DENIED = {"AccessDenied", "AccessDeniedException", "UnauthorizedOperation", "UnauthorizedAccess", "AuthFailure", "OptInRequired",
           "ExpiredToken", "ExpiredTokenException", "InvalidClientTokenId", "UnrecognizedClientException", "SignatureDoesNotMatch"}  # fmt: skip
_THROTTLED = {"Throttling", "ThrottlingException", "ThrottledException", "RequestLimitExceeded", "TooManyRequestsException", "SlowDown",
              "RequestThrottled", "RequestThrottledException", "BandwidthLimitExceeded", "ProvisionedThroughputExceededException",
              "TransactionInProgressException", "LimitExceededException", "PriorRequestNotComplete"}  # fmt: skip
_CONFLICT = {"ConcurrentModification", "ConcurrentModificationException", "OperationAborted", "ConflictException", "DependencyViolation",
             "DeleteConflict", "EntityTemporarilyUnmodifiable", "ResourceConflictException", "IncorrectState"}  # fmt: skip
_GONE = {
    "NoSuchEntity",
    "NoSuchBucket",
    "NoSuchPublicAccessBlockConfiguration",
    "ResourceNotFoundException",
    "NotFound",
    "NotFoundException",
}
_SERVER = {"InternalError", "InternalFailure", "InternalServerError", "InternalServiceError", "ServiceUnavailable", "ServiceFailure", "Unavailable",
           "RequestTimeout", "RequestTimeoutException"}  # fmt: skip

SDK_ERRORS = (ClientError, BotoCoreError, ResponseParserError)
"""Everything that a call of botocore raises: an answer that it cannot read (a proxy's page) is none of its own error tree."""


def translate(operation: str, error: Exception) -> StanchError:
    """The one place where botocore's errors become Stanch's."""
    if isinstance(error, ClientError):
        code, text = error.response["Error"].get("Code", ""), error.response["Error"].get("Message", "")
        status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
        if code in _DENIED or status in (401, 403):
            return AccessDenied(operation, code, text)
        if code in _THROTTLED or status == 429:
            return Throttled(f"{operation}: {code}: {text}")
        if code in _SERVER or status >= 500:
            return Unreachable(f"{operation}: {code}: {text}")
        if code in _CONFLICT:
            return Conflict(operation, code, text)
        if code in _GONE or code.endswith((".NotFound", "NotFoundException")) or status == 404:
            return Gone(operation, code, text)
        return CloudError(operation, code, text)
    if isinstance(error, (HTTPClientError, ConnectionError)):
        return Unreachable(f"{operation}: {error}")
    if isinstance(error, NoCredentialsError):
        return AccessDenied(operation, "NoCredentials", str(error))
    if isinstance(error, DataNotFoundError):  # no model of the service: trying again brings none
        return CloudError(operation, "UnknownService", str(error))
    if isinstance(error, ParamValidationError):
        return CloudError(operation, "ParamValidation", str(error))
    if isinstance(error, ResponseParserError):
        return Unreachable(f"{operation}: the answer cannot be read")
    return Unreachable(f"{operation}: {error}")


@cache
def _models() -> Loader:
    """botocore reads and parses a service's model once for a process, not once for every assumed role."""
    return create_loader()


def _boto_session(region: str, **keys: str) -> boto3.session.Session:
    core = botocore.session.get_session()
    core.register_component("data_loader", _models())
    return boto3.session.Session(botocore_session=core, region_name=region, **keys)


def _without_account_host(request: Any, **_: Any) -> None:
    """S3 Control's endpoint rules put the account id before the host, which a loopback address cannot bear."""
    head, _, rest = request.url.partition("://")
    account, dot, host = rest.partition(".")
    if dot and account.isdigit() and len(account) == 12:
        request.url = f"{head}://{host}"


class AwsSession:
    """Calls in one account. Clients are made on first use, one a service and region."""

    def __init__(self, session: boto3.session.Session, account: str, region: str, config: Config) -> None:
        self.account = account
        self.region = region
        self._session = session
        self._config = config
        self._clients: dict[tuple[str, str], Any] = {}
        self._lock = threading.Lock()

    def client(self, service: str, region: str | None = None) -> Any:
        """The service's client; botocore's client creation is not thread-safe, hence the lock."""
        key = (service, region or self.region)
        with self._lock:
            if key not in self._clients:
                made: Any = self._session.client(service, region_name=key[1], config=self._config)  # type: ignore[call-overload]
                if service == "s3control" and not self._config.inject_host_prefix:
                    made.meta.events.register("before-sign.s3-control", _without_account_host)
                self._clients[key] = made
            return self._clients[key]

    def close(self) -> None:
        """Close the connections that are kept open for a next call; a call that is under way ends as usual, and another one opens its own."""
        with self._lock:
            for client in self._clients.values():
                client.close()

    def call(
        self, service: str, operation: str, *, region: str | None = None, missing: Iterable[str] = (), **params: Any
    ) -> Any:
        """The response of one API call, or None if it fails with a code named in `missing`. Raises the error tree's kinds."""
        try:
            return getattr(self.client(service, region), operation)(**params)
        except SDK_ERRORS as error:
            if isinstance(error, ClientError) and error.response["Error"].get("Code", "") in missing:
                return None
            raise translate(f"{service}:{operation}", error) from error

    def pages(
        self, service: str, operation: str, result: str, *, region: str | None = None, **params: Any
    ) -> list[Any]:
        """Every item under `result` over all pages. Raises as `call` does."""
        try:
            paginator = self.client(service, region).get_paginator(operation)
            return [item for page in paginator.paginate(**params) for item in page.get(result, [])]
        except SDK_ERRORS as error:
            raise translate(f"{service}:{operation}", error) from error


@dataclass(frozen=True, slots=True)
class AwsSettings:
    """Where we run and how other accounts are reached. `role_name` names the member roles `<name>-read`, `-act` and `-undo`."""

    region: str
    account: str | None = None
    role_name: str | None = None
    external_id: str | None = None
    endpoint: str | None = None
    own: tuple[str, ...] = ()

    @classmethod
    def from_environment(cls, env: Mapping[str, str] = os.environ) -> AwsSettings:
        return cls(
            region=env.get("AWS_REGION") or env.get("AWS_DEFAULT_REGION") or "us-east-1",
            account=env.get("STANCH_ACCOUNT") or None,
            role_name=env.get("STANCH_ROLE_NAME") or None,
            external_id=env.get("STANCH_EXTERNAL_ID") or None,
            endpoint=env.get("AWS_ENDPOINT_URL") or None,
            own=tuple(filter(None, env.get("STANCH_OWN", "").split(","))),
        )


class AwsCloud:
    """The sessions of one deployment."""

    name = "aws"

    def __init__(self, settings: AwsSettings) -> None:
        self.settings = settings
        self._base = _boto_session(settings.region)
        self._home: AwsSession | None = None
        self._account = settings.account
        self._assumed: KeptSessions[tuple[str, str, str, str, frozenset[str]], AwsSession] = KeptSessions()

    def _config(self, action_id: str) -> Config:
        # A loopback endpoint has no wildcard name for the account-id host prefix of s3control.
        return Config(
            retries={"mode": "standard", "total_max_attempts": 4},
            connect_timeout=3,
            read_timeout=20,
            user_agent_extra=f"stanch/{__version__} md/action#{action_id or 'none'}",
            inject_host_prefix=self.settings.endpoint is None,
        )

    @property
    def home(self) -> AwsSession:
        """The account and region where the responder itself runs: journal, topic, secrets, upstream reads."""
        if self._home is None:
            self._home = AwsSession(self._base, self._account or "", self.settings.region, self._config(""))
        return self._home

    @property
    def account(self) -> str:
        """The responder's own account id; asked of STS once unless the settings say it."""
        if self._account is None:
            self._account = str(self.home.call("sts", "get_caller_identity")["Account"])
        return self._account

    def session(self, resource: Resource, purpose: Purpose, action_id: str, permissions: frozenset[str]) -> AwsSession:
        """A session in the resource's account that holds no more than `permissions`.

        With `role_name` set, the account's role for the purpose is assumed under a session policy of exactly these actions
        (https://docs.aws.amazon.com/IAM/latest/UserGuide/access_policies.html#policies_session), as `stanch-<action id>`. Without it only the own account is
        in reach. Raises Refused('wrong account') where it is not, InvalidInput for what is no account id at all.
        """
        if not _ACCOUNT.fullmatch(resource.account):
            raise InvalidInput("accountId", f"{resource.account[:40]!a} is no AWS account id, which has 12 digits")
        region = resource.region or self.settings.region
        if self.settings.role_name is None:
            if resource.account != self.account:
                raise Refused(
                    "wrong account",
                    f"the resource is in account {resource.account or 'unknown'}, this deployment in {self.account}, and no STANCH_ROLE_NAME is set",
                )
            return AwsSession(self._base, self.account, region, self._config(action_id))
        return self._assume(resource, region, purpose, action_id, permissions)

    def _assume(
        self, resource: Resource, region: str, purpose: Purpose, action_id: str, permissions: frozenset[str]
    ) -> AwsSession:
        key = (resource.account, region, purpose, action_id if purpose != "read" else "", permissions)
        kept = self._assumed.get(key)
        if kept is not None:
            return kept
        partition = resource.id.split(":")[1] if resource.id.startswith("arn:") else "aws"
        policy = {
            "Version": "2012-10-17",
            "Statement": [{"Effect": "Allow", "Action": sorted(permissions), "Resource": "*"}],
        }
        extra = {"ExternalId": self.settings.external_id} if self.settings.external_id else {}
        answer = self.home.call(
            "sts",
            "assume_role",
            RoleArn=f"arn:{partition}:iam::{resource.account}:role/{self.settings.role_name}-{purpose}",
            RoleSessionName=f"stanch-{action_id or 'read'}"[:64],
            SourceIdentity="stanch",
            DurationSeconds=900,
            Policy=json.dumps(policy, separators=(",", ":")),
            **extra,
        )
        granted = answer["Credentials"]
        assumed = _boto_session(
            region,
            aws_access_key_id=granted["AccessKeyId"],
            aws_secret_access_key=granted["SecretAccessKey"],
            aws_session_token=granted["SessionToken"],
        )
        session = AwsSession(assumed, resource.account, region, self._config(action_id))
        self._assumed.keep(key, session)
        return session

    def own(self) -> tuple[str, ...]:
        """Name patterns of what belongs to the responder itself and is never touched."""
        roles = (f"arn:*:iam::*:role/{self.settings.role_name}-*",) if self.settings.role_name else ()
        return (*self.settings.own, *roles)

    def resolve(self, finding: Finding, resource: Resource | None, wanted: str) -> list[Resource]:
        """The resources of type `wanted` behind a resource that the finding names, read live; empty where there are none, and without a resource."""
        from stanch.clouds.aws_related import related

        return related(self, resource, wanted) if resource is not None else []
