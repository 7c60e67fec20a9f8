import express from "express";
import { z } from "zod";
import { pool, run, findBy, byId } from "./db.js";
import { Imported } from "./schemas.js";
const app = express();
const Sort = z.enum(["a", "b"]);
const Body = z.object({ name: z.string(), age: z.number() });

app.get("/1", async (req, res) => {
  const sort = Sort.parse(req.query.sort);
  res.json(await pool.query(`SELECT * FROM t ORDER BY ${sort}`));
});
app.get("/2", async (req, res) => {
  const body = Body.parse(req.body);
  res.json(await pool.query(`SELECT * FROM t WHERE n = '${body.name}'`));
});
app.get("/3", async (req, res) => {
  const { name } = Body.parse(req.body);
  res.json(await pool.query(`SELECT * FROM t WHERE n = '${name}'`));
});
app.get("/4", async (req, res) => {
  const { age } = Body.parse(req.body);
  res.json(await pool.query(`SELECT * FROM t WHERE n = ${age}`));
});
app.get("/5", async (req, res) => {
  res.json(await findBy("t", "id", req.params.id));
});
app.get("/6", async (req, res) => {
  res.json(await byId(req.params.id));
});
app.get("/7", async (req: Request, res: Response) => {
  res.json(await byId(req.query.id as string));
});
app.get("/8", async (req, res) => {
  const out = [];
  for (const id of req.body.ids) {
    out.push(await run("SELECT 1 FROM t WHERE id = $1", [id]));
  }
  res.json(out);
});
app.get("/9", async (req, res) => {
  const out = [];
  for (const id of req.body.ids) {
    out.push(await pool.query("SELECT 1 FROM t WHERE id = $1", [id]));
  }
  res.json(out);
});
const parsed = Body.safeParse({});
app.get("/10", async (req, res) => {
  const parsed = Body.safeParse(req.body);
  if (!parsed.success) return res.sendStatus(400);
  res.json(await pool.query(`SELECT * FROM t WHERE n = '${parsed.data.name}'`));
});
app.get("/11", async (req, res) => {
  const { ids } = z.object({ ids: z.array(z.string()) }).parse(req.body);
  res.json(await pool.query(`SELECT * FROM t WHERE n = '${ids[0]}'`));
});
app.get("/12", async (req, res) => {
  const { ids } = z.object({ ids: z.array(z.string().uuid()).optional() }).parse(req.body);
  res.json(await byId(ids[0]));
});
app.get("/13", async (req, res) => {
  const { name } = Imported.parse(req.body);
  res.json(await byId(name));
});
