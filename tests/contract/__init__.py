"""Tests that let another implementation be the judge."""
