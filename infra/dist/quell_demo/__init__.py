"""Quell's demo: one alert from Alertmanager to a verified repair, on this machine, without a compiler and without an account of AWS."""
