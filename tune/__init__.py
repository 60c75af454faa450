"""Jobs for `ray job submit`: sweeps, training and tuning on a cluster."""
