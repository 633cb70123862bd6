"""Abstract values: what they are (abstract.py), and what SQL expressions, functions and queries make of them."""
