import express from "express";
import { pool } from "./db.js";
const app = express();
const ALLOWED = ["name", "total"];
const COLUMNS: Record<string, string> = { name: "name", total: "total_cents" };
const SAFE = new Set(["a", "b"]);

app.get("/1", async (req, res) => {
  const sort = String(req.query.sort);
  if (!ALLOWED.includes(sort)) return res.status(400).end();
  res.json(await pool.query(`SELECT * FROM t ORDER BY ${sort}`));
});
app.get("/2", async (req, res) => {
  const column = COLUMNS[String(req.query.sort)] ?? "name";
  res.json(await pool.query(`SELECT * FROM t ORDER BY ${column}`));
});
app.get("/3", async (req, res) => {
  const dir = req.query.dir === "desc" ? "DESC" : "ASC";
  res.json(await pool.query(`SELECT * FROM t ORDER BY a ${dir}`));
});
app.get("/4", async (req, res) => {
  const sort = req.query.sort as string;
  if (!SAFE.has(sort)) throw new Error("bad");
  res.json(await pool.query(`SELECT * FROM t ORDER BY ${sort}`));
});
app.get("/5", async (req, res) => {
  const limit = Number(req.query.limit) || 10;
  res.json(await pool.query(`SELECT * FROM t LIMIT ${limit}`));
});
app.get("/6", async (req, res) => {
  const limit = Math.min(parseInt(req.query.limit as string, 10), 100);
  res.json(await pool.query(`SELECT * FROM t LIMIT ${limit}`));
});
app.get("/7", async (req, res) => {
  const ids = (req.query.ids as string).split(",");
  const marks = ids.map((_, i) => `$${i + 1}`).join(", ");
  res.json(await pool.query(`SELECT * FROM t WHERE id IN (${marks})`, ids));
});
app.get("/8", async (req, res) => {
  const sort = ALLOWED.find((one) => one === req.query.sort) ?? "name";
  res.json(await pool.query(`SELECT * FROM t ORDER BY ${sort}`));
});
app.get("/9", async (req, res) => {
  const sort = ALLOWED.includes(req.query.sort as string) ? req.query.sort : "name";
  res.json(await pool.query(`SELECT * FROM t ORDER BY ${sort}`));
});
app.get("/10", async (req, res) => {
  const conditions = [];
  const values = [];
  if (req.query.a) { values.push(req.query.a); conditions.push(`a = $${values.length}`); }
  const where = conditions.length ? `WHERE ${conditions.join(" AND ")}` : "";
  res.json(await pool.query(`SELECT * FROM t ${where}`, values));
});
app.get("/11", async (req, res) => {
  const sets = Object.keys(req.body).map((k, i) => `${k} = $${i + 1}`).join(", ");
  res.json(await pool.query(`UPDATE t SET ${sets}`, Object.values(req.body)));
});
