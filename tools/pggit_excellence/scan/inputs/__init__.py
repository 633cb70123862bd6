"""Inputs to a `Program`: what the user names, split into statements, taken apart into routines and facts."""
