"""What hostile neighbours try, one file a kind, each with the smallest input that once worked."""
