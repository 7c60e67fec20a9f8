import logging
import shlex
import sqlite3
import subprocess

from flask import Flask, redirect, request, url_for
from markupsafe import escape

app = Flask(__name__)
log = logging.getLogger(__name__)


@app.get("/orders")
def orders():
    customer = request.args.get("customer", "")
    rows = sqlite3.connect("shop.db").execute(
        f"SELECT id, total FROM orders WHERE customer = '{customer}'"
    )
    return {"orders": rows.fetchall()}


@app.get("/orders/safe")
def orders_safe():
    customer = request.args.get("customer", "")
    rows = sqlite3.connect("shop.db").execute(
        "SELECT id, total FROM orders WHERE customer = ?", (customer,)
    )
    return {"orders": rows.fetchall()}


@app.post("/labels")
def labels():
    printer = request.form["printer"]
    subprocess.run("lp -d " + printer + " label.pdf", shell=True, check=True)
    return {"printed": True}


@app.post("/labels/safe")
def labels_safe():
    printer = request.form["printer"]
    subprocess.run(["/usr/bin/lp", "-d", shlex.quote(printer), "label.pdf"], check=True)
    return {"printed": True}


@app.get("/hello")
def hello():
    return "<h1>Hello " + request.args.get("name", "") + "</h1>"


@app.get("/hello/safe")
def hello_safe():
    return "<h1>Hello " + escape(request.args.get("name", "")) + "</h1>"


@app.get("/go")
def go():
    return redirect(request.args["next"])


@app.get("/go/safe")
def go_safe():
    log.info("going home")
    return redirect(url_for("orders"))
