"""SNS where moto is more lenient than AWS: the subject of a message."""

from __future__ import annotations

from moto.core.responses import ActionResult
from moto.sns.exceptions import SNSInvalidParameter
from moto.sns.responses import SNSResponse

SUBJECT_LENGTH = 100
"""Characters; the reference says 'less than 100', the service accepts 100 (https://docs.aws.amazon.com/sns/latest/api/API_Publish.html)."""


class Sns(SNSResponse):
    """SNS's API, refusing a subject that is empty, too long, or has line breaks or control characters."""

    def publish(self) -> ActionResult:
        _check(self._get_param("Subject"))
        return super().publish()


def _check(subject: str | None) -> None:
    if subject is None:
        return
    if not 0 < len(subject) <= SUBJECT_LENGTH or not subject.isprintable():
        raise SNSInvalidParameter("Invalid parameter: Subject")
