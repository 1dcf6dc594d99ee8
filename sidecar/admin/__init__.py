"""The admin plane: health and metrics, on a port of its own so that a slow scrape never delays a credential."""
