"""Whether everything is as it must be before real money trades: checks that change nothing."""
