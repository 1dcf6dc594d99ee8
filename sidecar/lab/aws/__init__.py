"""AWS's side of the lab: IAM as a file, and a strict STS."""
