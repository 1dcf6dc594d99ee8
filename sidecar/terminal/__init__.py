"""What commands share: colour, and reading the files that arguments name."""
