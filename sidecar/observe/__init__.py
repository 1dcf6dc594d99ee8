"""Observers: the events that drive the broker, as Prometheus series, as log lines, and as a snapshot for people.

The broker knows none of them; each is the only home of its library.
"""
