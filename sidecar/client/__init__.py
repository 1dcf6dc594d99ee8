"""Commands of the application's side: they ask the running sidecar, or exchange the token once where none runs."""
