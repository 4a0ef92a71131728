"""The error whose text is written for the user; every other exception is a bug."""


class UserError(Exception):
    """An error that the user can mend; its text says in one sentence what is wrong and how."""
