"""`pggit-excellence scan`: prove every dynamic EXECUTE safe, or show the path by which it is not.

sources -> statements (split, recover) -> program (routines, tables, grants) -> syntax (PL/pgSQL) -> interpreter
(abstract values of every expression) -> templates (what each hole of the built statement is) -> findings -> report.
"""
