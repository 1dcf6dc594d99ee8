"""How credentials are shown to SDKs: pure answers to a `Request`, from what the broker holds.

No socket, clock, file or log in here: a face can be put behind any server and tested without one.
"""
