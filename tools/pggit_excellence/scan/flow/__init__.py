"""The way through a routine: what each variable can hold at each statement, through calls and loops."""
