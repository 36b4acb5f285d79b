"""AWS as the benchmarks need it: an access key and its user, a finding, a topic, a role, a table. State is kept, so that a second look sees the write."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime
from typing import Any
from urllib.parse import quote
from xml.sax.saxutils import escape

from bench import events
from bench.stub.dynamodb import DynamoDb
from bench.stub.wire import Reply, Request

_SCOPE = re.compile(r"Credential=[^/]+/\d+/[^/]+/([^/]+)/aws4_request")
_NAMESPACE = {
    "iam": "https://iam.amazonaws.com/doc/2010-05-08/",
    "sts": "https://sts.amazonaws.com/doc/2011-06-15/",
    "sns": "http://sns.amazonaws.com/doc/2010-03-31/",
}
_ID = "00000000-0000-0000-0000-000000000001"


class Aws:
    """`moment` is when the findings it knows were told; `account` is the resource's."""

    def __init__(self) -> None:
        self.moment = datetime.fromisoformat("2026-01-01T00:00:00+00:00")
        self.account = events.ACCOUNT
        self._status: dict[str, str] = {}
        self._policies: dict[tuple[str, str], str] = {}
        self._tables = DynamoDb()

    def clear(self) -> None:
        self._status.clear()
        self._policies.clear()
        self._tables.clear()

    def answer(self, request: Request) -> Reply | None:
        """None for what is no signed AWS request."""
        scope = _SCOPE.search(request.headers.get("authorization", ""))
        if scope is None:
            return None
        service = scope[1]
        if service == "dynamodb":
            return self._tables.answer(request)
        if service == "guardduty":
            return self._guardduty(request)
        if service == "ssm":
            return Reply.json("ssm:GetParameter", {"Parameter": {"Name": "stop", "Type": "String", "Value": "off"}})
        form = request.form()
        operation = form.get("Action", request.headers.get("x-amz-target", request.path))
        found = getattr(self, f"_{service}_{_snake(operation)}", None)
        return _query(service, operation, found, form)

    def _guardduty(self, request: Request) -> Reply:
        if request.path.endswith("/findings/get"):
            ids = re.findall(rb'"([0-9a-f]{32})"', request.body)
            numbers = [events.number_of(each.decode()) for each in ids]
            found = [events.guardduty(number, self.moment, self.account)["detail"] for number in numbers]
            return Reply.json("guardduty:GetFindings", {"findings": found})
        return Reply.json("guardduty:ListDetectors", {"detectorIds": [events.DETECTOR]})

    def _iam_get_access_key_last_used(self, form: dict[str, str]) -> dict[str, Any]:
        used = {"Region": events.REGION, "ServiceName": "s3", "LastUsedDate": "2026-11-20T03:12:00Z"}
        return {"UserName": events.user_name(events.number_of(form["AccessKeyId"])), "AccessKeyLastUsed": used}

    def _iam_list_access_keys(self, form: dict[str, str]) -> dict[str, Any]:
        key = events.key_id(events.number_of(form["UserName"]))
        member = {"UserName": form["UserName"], "AccessKeyId": key, "Status": self._status.get(key, "Active")}
        member["CreateDate"] = "2026-01-01T00:00:00Z"
        return {"AccessKeyMetadata": [member], "IsTruncated": "false"}

    def _iam_get_user(self, form: dict[str, str]) -> dict[str, Any]:
        return {"User": self._user(form["UserName"])}

    def _iam_list_users(self, _: dict[str, str]) -> dict[str, Any]:
        return {"Users": [self._user(events.user_name(0))], "IsTruncated": "false"}

    def _user(self, name: str) -> dict[str, Any]:
        arn = f"arn:aws:iam::{self.account}:user/service/{name}"
        user = {"Path": "/service/", "UserName": name, "UserId": "AIDAEXAMPLEPRINCIPAL1", "Arn": arn}
        return {**user, "CreateDate": "2026-01-01T00:00:00Z", "Tags": [{"Key": "team", "Value": "platform"}]}

    def _iam_list_user_tags(self, _: dict[str, str]) -> dict[str, Any]:
        return {"Tags": [{"Key": "team", "Value": "platform"}], "IsTruncated": "false"}

    def _iam_update_access_key(self, form: dict[str, str]) -> dict[str, Any]:
        self._status[form["AccessKeyId"]] = form["Status"]
        return {}

    def _iam_get_user_policy(self, form: dict[str, str]) -> dict[str, Any] | None:
        document = self._policies.get((form["UserName"], form["PolicyName"]))
        named = {"UserName": form["UserName"], "PolicyName": form["PolicyName"]}
        return {**named, "PolicyDocument": quote(document)} if document else None

    def _iam_put_user_policy(self, form: dict[str, str]) -> dict[str, Any]:
        self._policies[form["UserName"], form["PolicyName"]] = form["PolicyDocument"]
        return {}

    def _iam_list_account_aliases(self, _: dict[str, str]) -> dict[str, Any]:
        return {"AccountAliases": ["example"], "IsTruncated": "false"}

    def _iam_get_login_profile(self, _: dict[str, str]) -> None:
        return None

    def _sns_publish(self, _: dict[str, str]) -> dict[str, Any]:
        return {"MessageId": _ID}

    def _sts_get_caller_identity(self, _: dict[str, str]) -> dict[str, Any]:
        arn = f"arn:aws:sts::{events.ACCOUNT}:assumed-role/stanch/function"
        return {"Arn": arn, "UserId": "AROAEXAMPLE:function", "Account": events.ACCOUNT}

    def _sts_assume_role(self, form: dict[str, str]) -> dict[str, Any]:
        keys = {"AccessKeyId": "ASIAEXAMPLEEXAMPLE01", "SecretAccessKey": "x" * 40, "SessionToken": "t" * 300}
        user = {"AssumedRoleId": f"AROAEXAMPLE:{form['RoleSessionName']}", "Arn": form["RoleArn"]}
        return {"Credentials": {**keys, "Expiration": "2099-01-01T00:00:00Z"}, "AssumedRoleUser": user}


def _query(service: str, operation: str, found: Callable[..., Any] | None, form: dict[str, str]) -> Reply:
    """A reply of the query protocol; None from `found` is a 404, an unknown operation a 400."""
    call = f"{service}:{operation}"
    result = found(form) if found else None
    if result is not None:
        text = f"<{operation}Result>{_xml(result)}</{operation}Result>" if result else ""
        name = f"{operation}Response"
        body = f'<{name} xmlns="{_NAMESPACE[service]}">{text}<ResponseMetadata><RequestId>{_ID}</RequestId></ResponseMetadata></{name}>'
        return Reply(call, 200, body.encode(), "text/xml")
    code, status = ("NoSuchEntity", 404) if found else ("InvalidAction", 400)
    call = call if found else f"UNKNOWN {call}"
    error = f"<Error><Type>Sender</Type><Code>{code}</Code><Message>none</Message></Error>"
    body = f"<ErrorResponse>{error}<RequestId>{_ID}</RequestId></ErrorResponse>"
    return Reply(call, status, body.encode(), "text/xml")


def _xml(value: Any) -> str:
    if isinstance(value, dict):
        return "".join(f"<{name}>{_xml(inner)}</{name}>" for name, inner in value.items())
    if isinstance(value, list):
        return "".join(f"<member>{_xml(item)}</member>" for item in value)
    return escape(str(value))


def _snake(name: str) -> str:
    return re.sub(r"(?<!^)(?=[A-Z])", "_", name).lower()
