"""PL/pgSQL bodies as syntax trees (parser.py makes them, syntax.py says what they are)."""
