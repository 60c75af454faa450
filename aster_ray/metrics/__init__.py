"""What a run was worth: pure functions from facts to numbers, and the files that hold them."""
