"""The refusals of the server, with its statuses and the beginnings of its texts."""


class Refused(Exception):
    def __init__(self, status, text, headers=()):
        super().__init__(text)
        self.status = status
        self.headers = headers


def malformed(text):
    """The body is not of the shape that the server reads."""
    return Refused(400, f"Format error in JSON body: {text}")


def invalid(text):
    """The body has the shape, and a value in it is out of bounds."""
    return Refused(422, f"Validation error in JSON body: {text}")


def wrong_input(text):
    return Refused(400, f"Wrong input: {text}")


def bad_request(text):
    return Refused(400, f"Bad request: {text}")


def not_found(text):
    return Refused(404, f"Not found: {text}")


def not_here(what):
    """The server has it, this face does not."""
    return Refused(501, f"The face of the engine does not serve {what}.")
