"""Where credentials come from: a `Source` each. Today the projected token, traded with STS."""
