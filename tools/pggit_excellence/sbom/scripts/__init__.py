"""What SQL scripts say about what they need."""
