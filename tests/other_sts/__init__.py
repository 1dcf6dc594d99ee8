"""Real STS servers that none of us wrote, as judges of our client: versitygw and SeaweedFS."""
