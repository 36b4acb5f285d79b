"""Cloud Custodian's Lambda: its own handler, with a policy in guard-duty mode.

As released the mode leaves the finding's key where `remove-keys` expects a list of keys, and fails before it writes. Here the list is made, to Custodian's favour: without
it nothing would be contained.
"""

from c7n import handler
from c7n.policy import GuardDutyMode

_resolve = GuardDutyMode.resolve_resources


def _resolved(self, event):
    found = _resolve(self, event)
    for resource in found:
        resource["c7n:AccessKeys"] = [resource["c7n:AccessKeys"]]
    return found


GuardDutyMode.resolve_resources = _resolved


def run(event, context):
    return handler.dispatch_event(event, context)
