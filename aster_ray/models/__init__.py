"""Trained models: how they are made, written, checked and asked."""
