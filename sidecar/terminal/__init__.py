"""What commands share: colour, signals, and reading the files that arguments name."""
