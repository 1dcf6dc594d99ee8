"""One role's credentials through good and bad days, in virtual time. Every instant named here is exact.

The jitter is always 0.5 unless a test says otherwise: credentials for an hour are refreshed after 1620 s.
"""
