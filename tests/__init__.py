"""What the project promises, as sentences that are run."""
