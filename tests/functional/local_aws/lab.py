"""Unmodified SDK clients for the local AWS, and its own routes."""

from __future__ import annotations

import json
import urllib.request
from typing import Any

import boto3
import botocore.loaders
import botocore.session
from botocore.config import Config

from tests.functional.local_aws.aws_wire import check_wire

HOME = "123456789012"
OTHER = "111122223333"
REGION = "eu-west-1"

_MODELS = botocore.loaders.create_loader()
"""Reading service models is what makes clients slow to create, so every session shares one reader."""


_CLIENTS: dict[tuple[str, str, str], Any] = {}


def _session(**keys: str) -> boto3.session.Session:
    core = botocore.session.get_session()
    core.register_component("data_loader", _MODELS)
    return boto3.session.Session(botocore_session=core, **keys)


class Lab:
    """The cloud under test: clients for any account, and its own routes."""

    def __init__(self, url: str) -> None:
        self.url = url

    def client(self, service: str, account: str = HOME, region: str = REGION) -> Any:
        """A client in the account; every reply it gets is checked against the service's own model."""
        if account == HOME and (self.url, service, region) in _CLIENTS:
            return _CLIENTS[self.url, service, region]
        session = _session(region_name=region, **self._keys_of(account))
        client = session.client(service, endpoint_url=self.url, config=Config(retries={"total_max_attempts": 1}))
        client.meta.events.register("before-sign.s3-control", without_account_host)
        client.meta.events.register("before-parse", check_wire)
        if account == HOME:
            _CLIENTS[self.url, service, region] = client
        return client

    def _keys_of(self, account: str) -> dict[str, str]:
        base = {"aws_access_key_id": "AKIAIOSFODNN7EXAMPLE", "aws_secret_access_key": "local"}
        if account == HOME:
            return base
        sts = _session(region_name=REGION, **base).client("sts", endpoint_url=self.url)
        given = sts.assume_role(RoleArn=f"arn:aws:iam::{account}:role/test", RoleSessionName="test")["Credentials"]
        return {
            "aws_access_key_id": given["AccessKeyId"],
            "aws_secret_access_key": given["SecretAccessKey"],
            "aws_session_token": given["SessionToken"],
        }

    def own(self, method: str, path: str, body: Any = None) -> tuple[int, Any]:
        """Status and JSON of one of the cloud's own routes."""
        data = body if isinstance(body, bytes) else json.dumps(body).encode() if body is not None else None
        request = urllib.request.Request(f"{self.url}/stanch/aws/{path}", data, method=method)
        try:
            with urllib.request.urlopen(request, timeout=10) as response:
                return response.status, json.load(response)
        except urllib.error.HTTPError as error:
            with error:
                return error.code, json.load(error)

    def writes(self, service: str) -> list[str]:
        """The operations of the service that were called and change something, in order."""
        return [
            call["operation"]
            for call in self.own("GET", "calls")[1]["calls"]
            if call["service"] == service and call["write"]
        ]


def without_account_host(request: Any, **_: Any) -> None:
    """Loopback has no names below it, so the account id that S3 Control puts before the host is taken off."""
    account = request.headers.get("x-amz-account-id", "")
    account = account.decode() if isinstance(account, bytes) else account
    request.url = request.url.replace(f"://{account}.", "://")
