"""Mails as they are sent, and the lines of one."""

from __future__ import annotations

from tests.unit.notify.samples import (
    ACTION,
    FINDING,
    KEY,
)

ACTED = f"""\
ACTED (high): Deactivate IAM access key
Contained: a second look confirmed it.

Changed       status of access key {KEY} of user alice.smith: Active → Inactive
Where         AWS::IAM::AccessKey {KEY}
              AWS account 111122223333
Why           UnauthorizedAccess:IAMUser/MaliciousIPCaller.Custom (guardduty): API GetCallerIdentity was invoked from a known malicious IP address.
              confirmed: GuardDuty in 111122223333 (us-east-1) has the finding
May break     Whatever still signs requests with this key fails at once.
              the key was last used on 2026-11-23 15:31 UTC for sts in us-east-1
Not done      sessions that this key already minted live on until they expire or are revoked
Asked by      stanch, playbook key-leak, mode auto
Undo          stanch undo {ACTION} --apply --reason 'why'
Ids           action {ACTION}   (stanch actions show {ACTION})
              finding {FINDING}
              report {ACTION}:acted:1, 2026-11-23T15:40:38.123Z
"""

AZURE_HELD = """\
HELD (critical): Isolate virtual machine
Stanch does not go on by itself.
Reason: exempt: vm-jump matches vm-jump* in the playbook

Where         Microsoft.Compute/virtualMachines /subscriptions/00000000-0000-0000-0000-0000000000a1/resourceGroups/rg-web/providers/Microsoft.Compute/virtualMachines/vm-jump
              Azure subscription 00000000-0000-0000-0000-0000000000a1
Asked by      alice@corp.example
To act        stanch release 1b2c3d4e5f60-0192f5c1a2c --reason 'why'   (guarded afresh: it goes on where the guards let it by now)
Ids           action 1b2c3d4e5f60-0192f5c1a2c   (stanch actions show 1b2c3d4e5f60-0192f5c1a2c)
              report 1b2c3d4e5f60-0192f5c1a2c:held:1, 2026-11-23T15:40:38.123Z
"""

REJECTED = """\
REJECTED: event without a finding
The event was not believed or not understood. Nothing was changed.
Reason: detail.newEvaluationResult: is missing

Where         no resource is named
              AWS account unknown
Why           an event from config
Ids           report rejected:0123456789abcdef0123456789abcdef, 2026-11-23T15:40:38.123Z
"""


def line(shown: str, label: str) -> str:
    """What stands beside a label; '' if it is not there."""
    return next((row[14:] for row in shown.splitlines() if row.startswith(f"{label:<14}")), "")
