"""Commands of the application's side: they ask the running sidecar, or exchange once where none runs."""
