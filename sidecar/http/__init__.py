"""HTTP for all faces: sockets on one side, `Request` and `Response` on the other. Knows nothing of AWS."""
