"""What npm packages need, by a package-lock.json of version 3: `packages` has each by the folder that it is in, seen from
the lock, and the package itself by the empty name."""


def place_of(packages, name, user):
    """Where the package at `user` finds `name`: beside it or further up, as Node looks. None where it was not installed."""
    while True:
        place = f"{user}/node_modules/{name}".lstrip("/")
        if place in packages:
            return place
        if not user:
            return None
        user = user.rpartition("node_modules/")[0].rstrip("/")


def dependencies(packages, user):
    """The places of what the package at `user` needs when it runs. Types have no code, and are left out."""
    names = sorted(packages[user].get("dependencies", {}))
    places = [place_of(packages, name, user) for name in names if not name.startswith("@types/")]
    return [place for place in places if place]


def closure(packages, starts):
    """`starts`, what they need, and so on."""
    found, left = set(), list(starts)
    while left:
        place = left.pop()
        if place not in found:
            found.add(place)
            left.extend(dependencies(packages, place))
    return sorted(found)


def name_of(place):
    return place.rpartition("node_modules/")[2]
