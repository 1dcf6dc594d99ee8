"""Bystanders: what they say, count and show of the events that drive the broker."""
