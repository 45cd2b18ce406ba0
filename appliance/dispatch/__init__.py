"""Which message goes to which line next, and why the others wait."""
