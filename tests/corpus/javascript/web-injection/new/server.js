const express = require("express");
const { exec, execFile } = require("node:child_process");
const path = require("node:path");
const crypto = require("node:crypto");
const fs = require("node:fs");

const app = express();

app.get("/ping", (req, res) => {
  exec("ping -c 1 " + req.query.host, (error, out) => res.type("text").send(out));
});

app.get("/ping/safe", (req, res) => {
  execFile("ping", ["-c", "1", "localhost"], (error, out) => res.type("text").send(out));
});

app.get("/orders", async (req, res) => {
  const rows = await app.db.query("SELECT * FROM orders WHERE id = " + req.query.id);
  res.json(rows);
});

app.get("/orders/safe", async (req, res) => {
  const rows = await app.db.query("SELECT * FROM orders WHERE id = $1", [req.query.id]);
  res.json(rows);
});

app.get("/calc", (req, res) => {
  res.json({ result: eval(req.query.formula) });
});

app.get("/files", (req, res) => {
  res.send(fs.readFileSync("uploads/" + req.query.name));
});

app.get("/go", (req, res) => {
  res.redirect(req.query.next);
});

app.get("/home", (req, res) => {
  res.redirect("/orders/safe");
});

app.post("/login", (req, res) => {
  const hash = crypto.createHash("md5").update(req.body.password).digest("hex");
  res.json({ hash });
});

app.get("/logo", (req, res) => {
  res.sendFile(path.join(__dirname, "logo.png"));
});

app.listen(8080);
