"""The roles at work: a broker for each, begun, replaced and ended as the settings say, and the faces that show them."""
