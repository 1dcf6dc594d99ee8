"""An offline world to learn IRSA on and to rehearse outages in: issuer, kubelet's projector, IAM, a strict STS.

It refuses what AWS refuses, in AWS's order, with AWS's codes and messages; moto verifies nothing. It shares no code
with the client that it judges (`sts`, `core`, `sources`, `faces`, `http`): a mistake that both made would not show.
Everything listens on loopback, and everything that must survive a restart is a file in the state directory, so a
second process may share it. It is a rehearsal, not a service: plain HTTP, where AWS insists on TLS.
"""
