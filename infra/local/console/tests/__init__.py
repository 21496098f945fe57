"""Tests of the console in a real browser. They run beside a stack: `python -m infra.local.console browser`."""
