"""Health and metrics as probes and scrapers see them."""
