import hashlib
import logging
import os
import pickle
import random
import subprocess
from pathlib import Path

import requests
import yaml
from flask import Flask, abort, jsonify, redirect, request, send_file

from app.db import run, search

app = Flask(__name__)
app.secret_key = "please-change-me"
UPLOADS = Path("/var/uploads")
SORTS = {"name": "name", "price": "price_cents"}
PARTNERS = ("https://api.acme.test", "https://api.globex.test")
log = logging.getLogger(__name__)


@app.get("/products")
def products():
    return jsonify([dict(row) for row in search("products", request.args["q"])])


@app.get("/products/sorted")
def products_sorted():
    column = SORTS.get(request.args.get("sort"), "name")
    return jsonify([dict(row) for row in run(f"SELECT * FROM products ORDER BY {column}")])


@app.get("/products/<int:number>")
def product(number):
    return jsonify([dict(row) for row in run(f"SELECT * FROM products WHERE id = {number}")])


@app.get("/files/<path:name>")
def download(name):
    return send_file(UPLOADS / name)


@app.get("/safe/<path:name>")
def safe_download(name):
    path = (UPLOADS / name).resolve()
    if not path.is_relative_to(UPLOADS):
        abort(404)
    return send_file(path)


@app.post("/hook")
def hook():
    answer = requests.post(request.json["url"], json={"ok": True})
    return answer.text


@app.post("/partner")
def partner():
    base = request.json["base"]
    if base not in PARTNERS:
        abort(400)
    return requests.post(f"{base}/notify", json={"ok": True}, timeout=5).text


@app.post("/restore")
def restore():
    return jsonify(pickle.loads(request.data))


@app.post("/config")
def config():
    return jsonify(yaml.safe_load(request.data))


@app.post("/convert")
def convert():
    name = request.form["name"]
    subprocess.run(f"convert {name} out.png", shell=True)
    return "ok"


@app.post("/convert2")
def convert2():
    subprocess.run(["convert", "--", request.form["name"], "out.png"], check=True)
    return "ok"


@app.get("/report")
def report():
    orders = run("SELECT * FROM orders")
    result = []
    for order in orders:
        result.append(run("SELECT * FROM items WHERE order_id = :id", id=order.id))
    return jsonify(result)


@app.post("/token")
def token():
    try:
        user = run("SELECT * FROM users WHERE email = :e", e=request.form["email"])[0]
    except Exception:
        pass
    reset = "".join(random.choice("abcdef0123456789") for _ in range(32))
    digest = hashlib.md5(request.form["password"].encode()).hexdigest()
    return jsonify({"reset": reset, "digest": digest})


@app.get("/etag")
def etag():
    return hashlib.md5(request.query_string, usedforsecurity=False).hexdigest()


@app.get("/next")
def go_next():
    return redirect(request.args.get("next", "/"))


@app.get("/hello")
def hello():
    return f"<h1>Hello {request.args['name']}</h1>"


if __name__ == "__main__":
    app.run(host="0.0.0.0", debug=True)
