"""What commands share: colour, and files as people name them in arguments."""
