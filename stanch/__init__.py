"""Stanch: event-driven auto-remediation for AWS and Azure; every remediation planned, journaled, verified and reversible."""

__version__ = "0.1.0"
