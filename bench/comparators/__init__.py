"""What others do for the same event. Each module runs alone, in an environment of its own."""
