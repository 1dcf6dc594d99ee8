"""Bytes over real sockets: what HTTP clients see."""
