"""One scenario: a door station, a resident, a neighbour, and their phones."""

from phone import Login, Phone
from stack import Party, Stack


class Scenario:
    def __init__(self, stack: Stack, version: str):
        self.stack = stack
        self.version = version
        self.door = stack.door_station("device123")
        self.resident = stack.user("user456")
        self.neighbour = stack.user("user789")

    def phone(self, owner: Party, name: str = "phone", **login) -> Phone:
        """A phone of `owner`, registered and listening; `login` changes what it connects with."""
        return self.connect(self.login(owner, name, **login)).listens()

    def login(self, owner: Party, name: str = "phone", **changed) -> Login:
        """Registers a phone that is not connected yet."""
        login = Login.of(owner.registers(name))
        for field, value in changed.items():
            setattr(login, field, value)
        return login

    def connect(self, login: Login) -> Phone:
        return Phone(login, self.version)

    def answered_call(self, caller: Party, winner: Phone) -> dict:
        call = caller.rings(self.resident.id)
        self.resident.as_callee(call, "accepted", winner.client_id)
        return call
