"""Who gets what answer: faces without a socket."""
