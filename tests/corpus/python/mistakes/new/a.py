import datetime
import json


def drop(items):
    for key in items:
        if items[key] is None:
            del items[key]


def expired(when):
    return when < datetime.datetime.utcnow()


def first(rows):
    return [r for r in rows if r.ok][0]


def same(a, b):
    return a is "x" or a == None


def price(total, rate):
    if total == 0.1 + 0.2:
        return 0
    return round(total * rate, 2)


class Account:
    items = []

    def add(self, item):
        self.items.append(item)

    def __eq__(self, other):
        return self.id == other.id


def load(path):
    data = json.load(open(path))
    for i in range(len(data)):
        data.remove(data[i])
    return data


def lookup(d, k):
    try:
        return d[k]
    finally:
        return None


def check(user, password):
    return user.password == password


def fmt(name):
    return "Hello {name}"


lock = None


def update():
    lock.acquire()
    if not ready():
        return
    lock.release()


def ready():
    return True
