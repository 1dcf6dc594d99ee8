"""What commands share: colour, signals, complaints, and reading the files that arguments name."""
