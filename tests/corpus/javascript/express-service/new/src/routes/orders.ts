import { Router, type Request, type Response } from "express";
import axios from "axios";
import fs from "node:fs/promises";
import path from "node:path";
import { exec, execFile } from "node:child_process";
import jwt from "jsonwebtoken";
import { z } from "zod";
import { query, findBy } from "../lib/db.js";
import { renderInvoice, sendWebhook, safeJoin } from "../lib/invoice.js";

const JWT_SECRET = "s3cr3t-signing-key-9f8e7d6c5b4a";
const PARTNERS: Record<string, string> = { acme: "https://api.acme.test/hook", globex: "https://hooks.globex.test/in" };
const Sort = z.enum(["created_at", "total"]);

export const orders = Router();

orders.get("/orders/:id", async (req: Request, res: Response) => {
  const rows = await findBy("orders", "id", req.params.id);
  res.json(rows);
});

orders.get("/orders", async (req, res) => {
  const sort = Sort.parse(req.query.sort);
  const rows = await query(`SELECT * FROM orders WHERE customer = $1 ORDER BY ${sort}`, [req.query.customer]);
  res.json(rows);
});

orders.get("/orders/:id/invoice", async (req, res) => {
  const file = path.join("/var/invoices", req.query.file as string);
  res.send(await fs.readFile(file, "utf8"));
});

orders.get("/orders/:id/receipt", async (req, res) => {
  const file = safeJoin("/var/receipts", String(req.query.file));
  res.send(await fs.readFile(file, "utf8"));
});

orders.post("/orders/:id/notify", async (req, res) => {
  await sendWebhook(req.body.callbackUrl, { id: req.params.id });
  res.sendStatus(204);
});

orders.post("/orders/:id/partner", async (req, res) => {
  const url = PARTNERS[req.body.partner];
  if (!url) return res.sendStatus(404);
  await axios.post(url, { id: req.params.id });
  res.sendStatus(204);
});

orders.post("/orders/:id/pdf", async (req, res) => {
  exec(`wkhtmltopdf /tmp/${req.body.name}.html /tmp/out.pdf`, () => res.sendStatus(204));
});

orders.post("/orders/:id/png", async (req, res) => {
  execFile("convert", ["/tmp/in.svg", "/tmp/out.png"], () => res.sendStatus(204));
});

orders.get("/report", async (req, res) => {
  const ids: number[] = (await query("SELECT id FROM orders")).map((r) => r.id);
  const items = [];
  for (const id of ids) {
    items.push(await query("SELECT * FROM items WHERE order_id = $1", [id]));
  }
  res.json(items);
});

orders.get("/report2", async (_req, res) => {
  const ids = (await query("SELECT id FROM orders")).map((r) => r.id);
  res.json(await query("SELECT * FROM items WHERE order_id = ANY($1)", [ids]));
});

orders.post("/login", async (req, res) => {
  try {
    const [user] = await query("SELECT * FROM users WHERE email = $1", [req.body.email]);
    res.json({ token: jwt.sign({ id: user.id }, JWT_SECRET) });
  } catch (e) {
  }
});

orders.get("/hello", (req, res) => {
  res.send(`<h1>Hello ${req.query.name}</h1>`);
});

orders.get("/invoice.html", async (req, res) => {
  res.send(renderInvoice(String(req.query.title)));
});

orders.get("/back", (req, res) => {
  res.redirect(req.query.next as string);
});
