"""The one error type whose text is meant for the user."""


class UserError(Exception):
    """Something the user can mend; its text is one sentence that says what and how."""
