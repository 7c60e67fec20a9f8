import { readFileSync } from "node:fs";

export async function names(db, ids) {
  const found = [];
  for (const id of ids) {
    found.push(await db.query("SELECT name FROM users WHERE id = $1", [id]));
  }
  return found;
}

export async function namesWell(db, ids) {
  return db.query("SELECT name FROM users WHERE id = ANY($1)", [ids]);
}

export function settings(path) {
  debugger;
  try {
    return JSON.parse(readFileSync(path, "utf8"));
  } catch (error) {}
}

export function words(lines) {
  const found = [];
  for (const line of lines) {
    found.push(...line.match(new RegExp("[a-z]+", "g")));
  }
  return found;
}

export function handler(app) {
  app.get("/terms", (req, res) => {
    res.send(readFileSync("terms.html", "utf8"));
  });
}
