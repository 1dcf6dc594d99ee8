"""What is measured, one room for each kind of row. Each gives plain dictionaries, as they stand in results.json."""
