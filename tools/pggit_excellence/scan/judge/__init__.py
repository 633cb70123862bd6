"""Judgement of what was built: is each hole of a statement quoted for the place where it stands?"""
