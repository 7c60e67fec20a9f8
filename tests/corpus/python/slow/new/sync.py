import re
import time

import requests
from django.db import models


class Order(models.Model):
    customer = models.TextField()


async def wait():
    time.sleep(5)


def names(ids):
    found = []
    for each in ids:
        found.append(Order.objects.get(pk=each).customer)
    return found


def names_well(ids):
    return [order.customer for order in Order.objects.filter(pk__in=ids)]


async def status(address):
    return requests.get(address, timeout=5).status_code


def words(lines):
    found = []
    for line in lines:
        found.extend(re.compile(r"\w+").findall(line))
    return found


WORD = re.compile(r"\w+")


def words_well(lines):
    return [word for line in lines for word in WORD.findall(line)]
