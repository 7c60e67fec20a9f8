import json


def add(line, lines=[]):
    lines.append(line)
    return lines


def add_well(line, lines=None):
    return [*(lines or []), line]


def read(path):
    try:
        with open(path, encoding="utf-8") as file:
            return json.load(file)
    except:
        return None


def read_well(path):
    with open(path, encoding="utf-8") as file:
        return json.load(file)


def printers(names):
    return [lambda: print(name) for name in names]


def summary(rows):
    return sum(row.total for row in row)


def load(path):
    file = open(path, encoding="utf-8")
    return file.read()


def convert(text):
    try:
        return int(text)
    except ValueError:
        raise RuntimeError("no number")
