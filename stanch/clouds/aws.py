"""AWS: sessions in the resource's own account and region, one place for errors, and the resources a finding only implies."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable, Iterable, Mapping
from functools import cached_property
from typing import Any, Literal

from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConnectionError,
    DataNotFoundError,
    HTTPClientError,
    NoCredentialsError,
    ParamValidationError,
)
from botocore.parsers import ResponseParserError
from msgspec import Struct

from stanch.clouds.aws_clients import ACTION, KEYS, Clients, Keys
from stanch.clouds.kept_keys import KeptKeys
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
              "TransactionInProgressException", "LimitExceededException", "PriorRequestNotComplete", "EC2ThrottledException"}  # fmt: skip
# Somebody else's write was at work, and the same call is to be sent again later (https://docs.aws.amazon.com/IAM/latest/APIReference/API_CreateRole.html#API_CreateRole_Errors,
# https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html): a considered no would let whoever writes all the time keep a resource open.
_OCCUPIED = {"ConcurrentModification", "ConcurrentModificationException", "OperationAborted", "EntityTemporarilyUnmodifiable"}  # fmt: skip
_CONFLICT = {"ConflictException", "DependencyViolation", "DeleteConflict", "ResourceConflictException", "IncorrectState"}  # fmt: skip
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
        if code in _THROTTLED or code in _OCCUPIED or status == 429:
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


class AwsSession:
    """Calls in one account, for one action. Clients are shared: with `keys`, by the roles of all accounts; else by all that is done with our own credentials."""

    def __init__(self, clients: Clients, account: str, region: str, action_id: str = "", keys: Keys | None = None) -> None:  # fmt: skip
        self.account = account
        self.region = region
        self._clients = clients
        self._action_id = action_id
        self._keys = keys

    def client(self, service: str, region: str | None = None) -> Any:
        """The service's client, made on first use."""
        return self._clients.client(service, region or self.region)

    def call(
        self, service: str, operation: str, *, region: str | None = None, missing: Iterable[str] = (), **params: Any
    ) -> Any:
        """The response of one API call, or None if it fails with a code named in `missing`. Raises the error tree's kinds."""
        return self._sent(
            service, operation, lambda: getattr(self.client(service, region), operation)(**params), missing
        )

    def pages(
        self, service: str, operation: str, result: str, *, region: str | None = None, missing: Iterable[str] = (), **params: Any
    ) -> list[Any]:  # fmt: skip
        """Every item under `result` over all pages; none if it fails with a code named in `missing`. Raises as `call` does."""

        def read() -> list[Any]:
            paginator = self._clients.paginator(self.client(service, region), operation)
            return [item for page in paginator.paginate(**params) for item in page.get(result, [])]

        return self._sent(service, operation, read, missing) or []

    def _sent(self, service: str, operation: str, send: Callable[[], Any], missing: Iterable[str]) -> Any:
        """For this action and with this session's credentials."""
        action, keys = ACTION.set(self._action_id), KEYS.set(self._keys)
        try:
            return send()
        except SDK_ERRORS as error:
            if isinstance(error, ClientError) and error.response["Error"].get("Code", "") in missing:
                return None
            raise translate(f"{service}:{operation}", error) from error
        finally:
            ACTION.reset(action)
            KEYS.reset(keys)


class AwsSettings(Struct, frozen=True):
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
        self._base = Clients(settings.region, local=settings.endpoint is not None)
        self._home: AwsSession | None = None
        self._account = settings.account
        self._kept = KeptKeys()

    @cached_property
    def _members(self) -> Clients:
        """For the roles in all accounts."""
        return Clients(self.settings.region, borrowed=True, local=self.settings.endpoint is not None)

    @property
    def home(self) -> AwsSession:
        """The account and region where the responder itself runs: journal, topic, secrets, upstream reads."""
        if self._home is None:
            self._home = AwsSession(self._base, self._account or "", self.settings.region)
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
            return AwsSession(self._base, self.account, region, action_id)
        keys = self._assumed(resource, purpose, action_id, permissions)
        return AwsSession(self._members, resource.account, region, action_id, keys)

    def _assumed(self, resource: Resource, purpose: Purpose, action_id: str, permissions: frozenset[str]) -> Keys:
        name = (resource.account, purpose, action_id if purpose != "read" else "", permissions)
        kept = self._kept.get(name)
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
        keys: Keys = (granted["AccessKeyId"], granted["SecretAccessKey"], granted["SessionToken"])
        self._kept.keep(name, keys)
        return keys

    def own(self) -> tuple[str, ...]:
        """Name patterns of what belongs to the responder itself and is never touched."""
        roles = (f"arn:*:iam::*:role/{self.settings.role_name}-*",) if self.settings.role_name else ()
        return (*self.settings.own, *roles)

    def resolve(self, finding: Finding, resource: Resource | None, wanted: str) -> list[Resource]:
        """The resources of type `wanted` behind a resource that the finding names, read live; empty where there are none, and without a resource."""
        from stanch.clouds.aws_related import related

        return related(self, resource, wanted) if resource is not None else []
