"""The local stack: an embedded AWS, a Telegram stand-in and a host to repair, for the demo and the tests."""
