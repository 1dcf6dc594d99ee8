"""The exchange with STS, from the form to the refusal."""
