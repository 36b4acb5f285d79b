"""Unwrapping what carries an event: SNS notifications, SQS records, lists, HTTP bodies, the answer of a list call.

Sources: https://docs.aws.amazon.com/lambda/latest/dg/with-sns.html, …/with-sqs.html and
https://docs.aws.amazon.com/sns/latest/dg/sns-message-and-json-formats.html.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from stanch.sources._shape import Node, clean, fold, shown
from stanch.sources.loading import load

_LAYERS = 6
"""SQS record, SNS notification, list, body: more layers than that carry nothing we know."""

_CARRIERS = ("Records", "Findings")


def unwrap(raw: object, place: str = "") -> list[Node]:
    """The events in `raw`, innermost, each with its place (`Records[0].Sns.Message`).

    An object that carries nothing is itself the event. Raises MalformedEvent for a carrier whose content is not JSON and for what is no JSON value.
    """
    return list(_open(Node(clean(raw, place), place), 0))


def _open(node: Node, layer: int) -> Iterator[Node]:
    if isinstance(node.value, str):
        node = Node(clean(load(node.value, node.place or "event"), node.place), node.place)
    if not isinstance(node.value, Mapping | list):
        raise node.malformed(f"must be an object, not {shown(node.value)}")
    inner = list(node.items()) if isinstance(node.value, list) else _carried(node)
    if inner is None:
        yield node
        return
    if layer >= _LAYERS:
        raise node.malformed(f"is wrapped in more than {_LAYERS} layers")
    for item in inner:
        yield from _open(item, layer + 1)


def _carried(node: Node) -> list[Node] | None:
    """What the object carries, or None when it is an event itself."""
    keys = {fold(key) for key in node.value}
    for carrier in _CARRIERS:
        if fold(carrier) in keys and isinstance(node.get(carrier).value, list):
            return list(node.get(carrier).items())
    if "sns" in keys and "detail" not in keys:
        return [node.at("Sns", "Message")]
    if "message" in keys and node.get("type").value == "Notification":
        return [node.get("Message")]
    if "body" in keys and not keys & {"detail", "object", "type"}:
        return [node.get("body")]
    return None
