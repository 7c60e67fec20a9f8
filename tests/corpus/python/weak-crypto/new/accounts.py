import hashlib
import pickle
import secrets
import ssl
import tempfile

import requests


def stored(password):
    return hashlib.md5(password.encode()).hexdigest()


def stored_well(password, salt):
    return hashlib.scrypt(password.encode(), salt=salt, n=2**14, r=8, p=1).hex()


def profile(address):
    return requests.get(address, verify=False, timeout=5).json()


def profile_checked(address):
    return requests.get(address, timeout=5).json()


def slow_profile(address):
    return requests.get(address).json()


def restored(data):
    return pickle.loads(data)


def context():
    return ssl._create_unverified_context()


def ticket():
    return secrets.token_urlsafe(32)


def scratch():
    return tempfile.mktemp()
