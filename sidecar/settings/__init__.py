"""Every setting once: its name, its meaning, how its text is parsed, and the `Config` that all of them make."""
