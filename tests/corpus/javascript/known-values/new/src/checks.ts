import express from "express";
import { z } from "zod";
import path from "node:path";
import fs from "node:fs";
import { exec } from "node:child_process";
import axios from "axios";
import { pool } from "./db.js";
const app = express();
const Query = z.object({ sort: z.enum(["a", "b"]), limit: z.coerce.number().max(100).default(10), name: z.string() });
const HOSTS = ["a.test", "b.test"];
const FORMATS = new Set(["pdf", "png"]);

app.get("/1", async (req, res) => {
  const { sort, limit } = Query.parse(req.query);
  res.json(await pool.query(`SELECT * FROM t ORDER BY ${sort} LIMIT ${limit}`));
});
app.get("/2", async (req, res) => {
  const q = Query.safeParse(req.query);
  if (!q.success) return res.status(400).end();
  res.json(await pool.query(`SELECT * FROM t ORDER BY ${q.data.sort} LIMIT ${q.data.limit}`));
});
app.get("/3", async (req, res) => {
  const format = req.query.format as string;
  if (!FORMATS.has(format)) return res.status(400).end();
  exec(`convert in.svg out.${format}`, () => res.end());
});
app.get("/4", async (req, res) => {
  const host = req.query.host as string;
  if (!HOSTS.includes(host)) { res.status(400).end(); return; }
  res.json((await axios.get(`https://${host}/status`)).data);
});
app.get("/5", async (req, res) => {
  const name = path.basename(req.params.name);
  fs.createReadStream(path.join("/var/files", name)).pipe(res);
});
app.get("/6", async (req, res) => {
  const full = path.resolve("/var/files", req.params.name);
  if (!full.startsWith("/var/files/")) return res.status(403).end();
  fs.createReadStream(full).pipe(res);
});
app.get("/7", async (req, res) => {
  const url = new URL(req.query.url as string);
  if (!HOSTS.includes(url.hostname)) return res.status(400).end();
  res.json((await axios.get(url.toString())).data);
});
app.get("/8", async (req, res) => {
  const next = req.query.next as string;
  res.redirect(next.startsWith("/") && !next.startsWith("//") ? next : "/");
});
app.get("/9", async (req, res) => {
  if (!/^[a-z0-9-]+$/.test(req.params.id)) return res.status(400).end();
  exec(`git show ${req.params.id}`, (e, out) => res.send(out));
});
app.get("/10", async (req, res) => {
  if (req.query.kind === "bad") return res.status(400).end();
  exec(`git show ${req.query.kind}`, (e, out) => res.send(out));
});
