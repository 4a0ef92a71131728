"""Any recording that a person has: opened, read, classified, reported, and learned from."""
