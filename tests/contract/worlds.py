"""The clouds of the contract tests: literal SDK clients that bypass Stanch."""

from __future__ import annotations

import re
import uuid
from typing import Any

import boto3

ACCOUNT = "111122223333"


def _without_account_host(request: Any, **_: Any) -> None:
    request.url = re.sub(r"://\d{12}\.", "://", request.url)


class AwsWorld:
    """boto3 clients straight into the local AWS cloud, in `account` (not the responder's own)."""

    def __init__(self, endpoint: str, account: str = ACCOUNT, region: str = "eu-west-1") -> None:
        self.endpoint, self.account, self.region = endpoint, account, region
        base = boto3.session.Session("test", "test", region_name=region)
        role = base.client("sts", endpoint_url=endpoint).assume_role(
            RoleArn=f"arn:aws:iam::{account}:role/contract-test", RoleSessionName="contract-test"
        )["Credentials"]
        self._session = boto3.session.Session(
            role["AccessKeyId"], role["SecretAccessKey"], role["SessionToken"], region_name=region
        )
        self._clients: dict[str, Any] = {}

    def client(self, service: str) -> Any:
        if service not in self._clients:
            made = self._session.client(service, endpoint_url=self.endpoint)
            if service == "s3control":
                made.meta.events.register("before-sign.s3-control", _without_account_host)
            self._clients[service] = made
        return self._clients[service]

    @staticmethod
    def unique(prefix: str) -> str:
        """A name no other scenario of the same server uses."""
        return f"{prefix}-{uuid.uuid4().hex[:10]}"
