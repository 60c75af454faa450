"""What things are. Standard library only."""
