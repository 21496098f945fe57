"""The error of making a release that its user can do something about."""

from __future__ import annotations


class DistError(Exception):
    """A release cannot be made, with the reason and what to do."""
