"""The nouns and the decisions: credentials, tokens, errors, the refresh policy, the broker. No HTTP, AWS or files."""
