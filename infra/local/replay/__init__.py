"""Replay of the stories' DynamoDB requests against a second implementation, and comparison of the answers."""
