import subprocess
import pickle


def backup(name):
    subprocess.run("tar czf /backups/" + name, shell=True)


def restored(data):
    return pickle.loads(data)
