"""The cluster's side of the lab: service accounts, signing keys, the OIDC issuer, the kubelet's projection."""
