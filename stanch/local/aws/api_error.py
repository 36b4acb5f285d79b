"""The errors that our additions answer with."""

from __future__ import annotations

from moto.core.exceptions import ServiceException


class ApiError(ServiceException):
    """An AWS error with a code and a message; moto finds the status in the service's model.

    A class of our own, because moto looks for the model of the package that defines the class and its base's package has none.
    """
