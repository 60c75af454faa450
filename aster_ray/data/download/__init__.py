"""Market data from a venue into a catalog: resumable, checked, and honest about what is missing."""
