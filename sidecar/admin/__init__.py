"""The admin plane: health and metrics, on a port of its own. It tells no secret: its clients are outside the pod."""
