"""Checks of the console beside a running local stack: its pages in a real browser, and its API against its document."""
