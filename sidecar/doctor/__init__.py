"""Checks why STS refuses a pod, and names each mistake with its fix.

`explain` meets one token with one trust policy, offline. `doctor` walks the whole chain from the pod's environment to
the caller's identity. Neither changes anything, and neither ever shows a token or a key.
"""
