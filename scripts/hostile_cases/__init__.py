"""Hostile input for m4run, each case made from a seed alone. `scripts/hostile` runs them."""
