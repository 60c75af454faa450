"""Columns that models read: causal, scale-free, and the same bits in training and in serving."""
