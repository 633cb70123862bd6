"""Judgement of what was built: whether each hole of a statement is quoted for the place where it stands."""
